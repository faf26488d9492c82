/* Does every mistake in a run file or --set give its message at its line, and all of them at once?
 *
 * The rows about libconfig 1.5 (wrapping integers, joined texts, depth, many keys) are the ones that were measured on
 * the library itself: without our guard each of them is read wrongly or not at all. */
#include "tests/unit/base/config_fixture.h"

/* The file of acceptance: each line that holds a mistake says so in a message of its own. */
static void all_mistakes_of_a_file_at_once(void **state) {
  must_say(*state,
           "# comment\n"
           "sed = 3;\n"
           "seed = 2147483648;\n"
           "mode = rng;\n"
           "training = 1;\n"
           "limit_w = \"3 GiB\";\n"
           "limit_w = 7;\n"
           "tags = [\"a\", 5];\n"
           "tc_rows = 4;\n"
           "space = {\n"
           "  tc_rows = [1,\n"
           "    257];\n"
           "  scales = \"5..1 +2\";\n"
           "  modes = [\"x2\",\n"
           "    \"rnig\"];\n"
           "  glb_bytes = 99999999999;\n"
           "  clock_mhz = 940 MHz;\n"
           "  clock = 3;\n"
           "  unheard_of_thing = 3;\n"
           "  mode = \"ring\";\n"
           "};\n"
           "blocks = (\n"
           "  { layers = -5; },\n"
           "  { layers = 3.5;\n"
           "    name = \"\\x00y\"; },\n"
           "  { layers = 1; }\n"
           ");\n"
           "spce = { };\n"
           "empty = ();\n"
           "workload = 4..7 x2;\n",
           "run.cfg:2: sed: unknown key; did you mean seed?\n"
           "run.cfg:3: seed: 2147483648 does not fit 32 bits; write 2147483648L\n"
           "run.cfg:4: mode: rng is no value; a text is written in quotes: \"rng\"\n"
           "run.cfg:5: training: true or false is expected, found an integer\n"
           "run.cfg:6: limit_w: \"3 GiB\" is no quantity in w; write a number, or one with a unit\n"
           "run.cfg:7: limit_w: is given twice; the first one is in line 6 of run.cfg\n"
           "run.cfg:8: tags.[1]: a text in quotes is expected, found an integer\n"
           "run.cfg:9: tc_rows: unknown key here; it belongs in group space\n"
           "run.cfg:12: space.tc_rows.[1]: 257 is out of range; allowed are 1 to 256\n"
           "run.cfg:13: space.scales: \"5..1 +2\" is an empty range; the first end must not exceed the second\n"
           "run.cfg:15: space.modes.[1]: \"rnig\" is no choice; did you mean \"ring\"? Allowed: \"x2\", \"ring\", "
           "\"tree\"\n"
           "run.cfg:16: space.glb_bytes: 99999999999 does not fit 32 bits; write 99999999999L\n"
           "run.cfg:17: space.clock_mhz: MHz stands behind a number; a quantity is written in quotes: \"940 MHz\"\n"
           "run.cfg:18: space.clock: unknown key; did you mean clock_mhz?\n"
           "run.cfg:19: space.unheard_of_thing: unknown key; known here: tc_rows, scales, modes, glb_bytes, "
           "clock_mhz\n"
           "run.cfg:20: space.mode: unknown key here; it belongs at the top level, outside all groups\n"
           "run.cfg:23: blocks.[0].layers: -5 is negative; a whole number from 0 is expected\n"
           "run.cfg:24: blocks.[1].layers: 3.5 is not whole; a whole number is expected\n"
           "run.cfg:25: blocks.[1].name: \\x stands for printable ASCII only, \\x20 to \\x7e\n"
           "run.cfg:26: blocks.[2]: unknown element; fewer are read\n"
           "run.cfg:28: spce: unknown key; did you mean space?\n"
           "run.cfg:29: empty: a list without elements has no effect here; leave it out\n"
           "run.cfg:30: workload: 4..7 is no number; quantities and ranges are written in quotes: \"96 GiB\", "
           "\"1..9 +2\"\n");
}

/* One mistake each; the text stands behind a workload on line 1, and the message without its "run.cfg:". */
static void every_message_about_a_value(void **state) {
  static const char *const cases[][2] = {
      {"seed = 0xFFFFFFFF;", "2: seed: 0xFFFFFFFF does not fit 32 bits; write 0xFFFFFFFFL\n"},
      {"seed = -2147483649;", "2: seed: -2147483649 does not fit 32 bits; write -2147483649L\n"},
      {"seed = 99999999999999999999L;",
       "2: seed: 99999999999999999999L does not fit 64 bits; the largest is 9223372036854775807L\n"},
      {"seed = -9223372036854775809L;",
       "2: seed: -9223372036854775809L does not fit 64 bits; the smallest is -9223372036854775808L\n"},
      {"limit_w = 1e400;", "2: limit_w: 1e400 is too large for a number; the largest is about 1.79e308\n"},
      {"limit_w = 1e-400;", "2: limit_w: 1e-400 is too small for a number; the smallest is about 4.95e-324, or write "
                            "0\n"},
      {"seed = 1e30;", "2: seed: 1e+30 does not fit 64 bits\n"},
      {"seed = -1.5;", "2: seed: -1.5 is negative; a whole number from 0 is expected\n"},
      {"seed = \"7 m\";", "2: seed: \"7 m\" is no number\n"},
      {"seed = { };", "2: seed: a whole number is expected, found a group\n"},
      {"limit_w = ();", "2: limit_w: a number is expected, found a list\n"},
      {"limit_w = 0.25;", "2: limit_w: 0.25 is out of range; allowed are 0.5 to 1000000 w\n"},
      {"mode = 1.5;", "2: mode: one of these texts is expected, found a number: \"x2\", \"ring\", \"tree\"\n"},
      {"mode = \"butterfly\";", "2: mode: \"butterfly\" is no choice; allowed: \"x2\", \"ring\", \"tree\"\n"},
      {"tags = [\"a\", true];", "2: tags.[1]: a text in quotes is expected, found true or false\n"},
      {"training = \"yes\";", "2: training: true or false is expected, found a text\n"},
      {"space = { glb_bytes = \"0.3 B\"; };",
       "2: space.glb_bytes: 0.3 bytes is not whole; a whole number is expected\n"},
      {"space = { tc_rows = \"1..x\"; };",
       "2: space.tc_rows: \"1..x\" is no range; write \"4..256 x2\" or \"1..9 +2\"\n"},
      {"space = { tc_rows = \"1..9 x1\"; };",
       "2: space.tc_rows: \"1..9 x1\" is an endless range; a factor must exceed 1 and the first end 0\n"},
      {"space = { tc_rows = \"1..9 +0\"; };",
       "2: space.tc_rows: \"1..9 +0\" is an endless range; a step must exceed 0\n"},
      {"space = { scales = \"1..65537\"; };",
       "2: space.scales: \"1..65537\" has more than 65536 values, which is the most\n"},
      {"space = { tc_rows = \"9007199254740993..9007199254740995\"; };",
       "2: space.tc_rows: a range of whole numbers ends at 2^53; write the values as a list\n"},
      {"space = { tc_rows = \"200..300 +57\"; };", "2: space.tc_rows: 257 is out of range; allowed are 1 to 256\n"},
      {"tags = [\"\\q\"];", "2: tags.[0]: a backslash stands only in \\n, \\r, \\t, \\f, \\\\, \\\" and \\x with two "
                            "hexadecimal digits\n"},
      {"tags = [\"a\xC3(\"];", "2: tags.[0]: the text is not UTF-8\n"},
      {"tags = [[\"a\"]];", "2: tags.[0]: [ ] holds plain values only; write ( ) around groups and lists\n"},
      {"space = 3;", "2: space: a group { ... } is expected, found a single value\n"},
      {"blocks = ({ name = \"n\"; });", "2: blocks.[0].layers: is missing; it has no default: Layers of the block.\n"},
      {"space = { deep = { deeper = 1; }; };",
       "2: space.deep: unknown key; known here: tc_rows, scales, modes, glb_bytes, clock_mhz\n"},
  };
  struct fixture *fixture = *state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[256], expected[512];
    snprintf(text, sizeof text, "workload = \"w\";\n%s\n", cases[i][0]);
    snprintf(expected, sizeof expected, "run.cfg:%s", cases[i][1]);
    /* A list in a list is also no text; only the first line is the point here. */
    assert_false(read_with(fixture, text, NULL, 0));
    fixture->error.text[strlen(expected)] = '\0';
    assert_string_equal(fixture->error.text, expected);
  }
  must_say(fixture, "", "run.cfg:1: workload: is missing; it has no default: What is computed.\n");
}

static void every_message_that_ends_the_reading(void **state) {
  static const char *const cases[][2] = {
      {"a = (", "1: the '(' that opens here is never closed\n"},
      {"a = 1;\n}", "2: '}' closes nothing that is open\n"},
      {"a = (1,\n2];", "2: ']' cannot close the '(' of line 1\n"},
      {"\n/* x\n\n", "2: the comment that opens here is never closed\n"},
      {"a = \"x\n\";", "1: the quote that opens here is not closed on its line\n"},
      {"a = \"x\\", "1: the quote that opens here is not closed on its line\n"},
      {"a = 1/2;", "1: unexpected character '/'; texts and quantities are written in quotes\n"},
      {"*a = 1;", "1: unexpected character '*'; texts and quantities are written in quotes\n"},
      {"a = 1;\n# \x1b", "2: control character \\x1B; only tabs and line ends are allowed\n"},
      {"@x", "1: \"@\" opens nothing but: @include \"file\"\n"},
      {"@include \"x\"", "1: @include: \"x\": only files can include others\n"},
      {"a 1;", "1: syntax error at 1: a '=' is missing behind the key; in `a 1;`\n"},
      {"a = ;", "1: syntax error at ;: the value is missing; in `a = ;`\n"},
      {"a = [1,2,];", "1: syntax error at ]: no comma stands before a closing bracket; in `a = [1,2,];`\n"},
      {"b = 2;\na = [1 2];", "2: syntax error at 2: a comma is missing between list values, or a ';' and a key before "
                             "it; in `a = [1 2];`, after the line `b = 2;`\n"},
      {"a = ({} {});", "1: syntax error at {: a comma is missing between list values; in `a = ({} {});`\n"},
      {"\"x\"", "1: syntax error at \"x\": a file starts with a key; in `\"x\"`\n"},
      {"a = 1; 2;", "1: syntax error at 2: a key and '=' are missing before it; in `a = 1; 2;`\n"},
      {"a = 1 = 2", "1: syntax error at =: a ';', ',' or '=' is missing or misplaced; in `a = 1 = 2`\n"},
      {"a =", "1: syntax error: the file ends here, but a value is missing\n"},
      /* What can be told besides is told. */
      {"seed = 3000000000;\na = (", "1: seed: 3000000000 does not fit 32 bits; write 3000000000L\n"
                                    "run.cfg:2: the '(' that opens here is never closed\n"},
      {"seed = 3000000000;\na = ?", "1: seed: 3000000000 does not fit 32 bits; write 3000000000L\n"
                                    "run.cfg:2: unexpected character '?'; texts and quantities are written in "
                                    "quotes\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char expected[512];
    snprintf(expected, sizeof expected, "run.cfg:%s", cases[i][1]);
    must_say(*state, cases[i][0], expected);
  }
  struct fixture *fixture = *state;
  struct config *config;
  struct error error = {0};
  assert_false(config_open_text("n.cfg", "a = \"x\0y\";", 10, NULL, 0, &fixture->arena, &config, &error));
  assert_string_equal(error.text, "n.cfg:1: control character \\x00; only tabs and line ends are allowed\n");
}

static void bombs_are_refused(void **state) {
  struct fixture *fixture = *state;
  struct arena *arena = &fixture->arena;
  assert_false(read_with(fixture, repeat(arena, "a = ", "(", 20000, ""), NULL, 0));
  assert_non_null(strstr(fixture->error.text, "run.cfg:1: a.[0].[0]"));
  assert_non_null(strstr(fixture->error.text, ": more than 64 brackets deep, which is the most\n"));
  must_say(fixture, repeat(arena, "a = \"", "x", CONFIG_MAX_BYTES, "\";"),
           "run.cfg:1: the run file and what it includes exceed 1048576 bytes, which is the most\n");
  must_say(fixture, repeat(arena, "", ";", 200001, ""),
           "run.cfg:1: more than 200000 words and marks, which is the "
           "most\n");
  must_say(fixture, repeat(arena, "a = [1", ",1", 65536, "];"),
           "run.cfg:1: a list of more than 65536 values, which is the most\n");
  must_say(fixture, repeat(arena, "seed = ", "7", 301, ";workload=\"w\";"),
           "run.cfg:1: seed: a number of 301 letters; at most 300 are read\n");
  char *keys = arena_alloc(arena, 5000 * 16, 1), *end = keys;
  for (int i = 0; i < 4097; i++) end += sprintf(end, "k%d = 1;\n", i);
  must_say(fixture, keys, "run.cfg:4097: k4096: more than 4096 keys, which is the most\n");
}

static void every_message_about_a_set(void **state) {
  static const char *const cases[][3] = {
      {"seed", "99999999999", "--set: seed: 99999999999 does not fit 32 bits; write 99999999999L\n"},
      {"seed", "-3", "--set: seed: -3 is negative; a whole number from 0 is expected\n"},
      {"mode", "\"x3\"",
       "--set: mode: \"x3\" is no choice; did you mean \"x2\"? Allowed: \"x2\", \"ring\", \"tree\"\n"},
      {"space.clock_mhz", "7000", "--set: space.clock_mhz: 7000 is out of range; allowed are 1 to 5000 mhz\n"},
      {"sed", "7", "--set: sed: unknown key; did you mean seed?\n"},
      {"spce.tc_rows", "7", "--set: spce: unknown key; did you mean space?\n"},
      {"space..x", "2", "--set: space..x: is no path; write group.key, or list.[3].key\n"},
      {"", "2", "--set: is no path; write group.key, or list.[3].key\n"},
      {"a.", "2", "--set: a.: is no path; write group.key, or list.[3].key\n"},
      {"4a", "2", "--set: 4a: is no path; write group.key, or list.[3].key\n"},
      {"a\nb", "2", "--set: a\\x0Ab: is no path; write group.key, or list.[3].key\n"},
      {"blocks.[x]", "2", "--set: blocks.[x]: is no path; write group.key, or list.[3].key\n"},
      {"blocks.[7].layers", "3", "--set: blocks.[7].layers: there is no element [7]\n"},
      {"workload.x", "3", "--set: workload.x: \"x\" cannot be set: what holds it is no group\n"},
      {"tags", "[1", "--set: tags: the '[' that opens here is never closed\n"},
      {"tags", "[]; seed = 5", "--set: tags: one value is expected, found more behind it\n"},
      {"tags", "[\"a\" \"b\" 3]",
       "--set: tags: syntax error at 3: a comma is missing between list values, or a ';' and "
       "a key before it; in `value = [\"a\" \"b\" 3]`\n"},
      {"workload", "a\x01", "--set: workload: the text holds control characters or is not UTF-8\n"},
      {"workload", "\xFF", "--set: workload: the text holds control characters or is not UTF-8\n"},
      {"tags", "(@include \"x\")", "--set: tags: \"x\": only files can include others\n"},
  };
  struct fixture *fixture = *state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct config_set set = {cases[i][0], cases[i][1]};
    assert_false(read_with(fixture, "workload = \"w\"; blocks = ({layers=1;});", &set, 1));
    if (strcmp(fixture->error.text, cases[i][2]) != 0)
      fail_msg("--set %s=%s says:\n%sexpected:\n%s", cases[i][0], cases[i][1], fixture->error.text, cases[i][2]);
  }
  /* The file's messages come first, then the command line's in its order. */
  const struct config_set sets[] = {{"limit_w", "1e400"}, {"mode", "7"}};
  assert_false(read_with(fixture, "workload = 3;", sets, 2));
  assert_string_equal(fixture->error.text,
                      "run.cfg:1: workload: a text in quotes is expected, found an integer\n"
                      "--set: limit_w: 1e400 is too large for a number; the largest is about 1.79e308\n"
                      "--set: mode: one of these texts is expected, found an integer: \"x2\", \"ring\", \"tree\"\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_mistakes_of_a_file_at_once),      TEST(every_message_about_a_value),
      TEST(every_message_that_ends_the_reading), TEST(bombs_are_refused),
      TEST(every_message_about_a_set),
  };
  return cmocka_run_group_tests_name("base/config_messages", tests, NULL, NULL);
}

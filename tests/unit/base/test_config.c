/* Do run files become the settings they say, whatever form their values take, and read back as written? */
#include "base/file.h"
#include "tests/unit/base/config_fixture.h"
#include <locale.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct digest digest_of_sample(const struct fixture *fixture) {
  struct digest_stream stream;
  digest_begin(&stream);
  config_digest(&stream, fixture->sections, SAMPLE_SECTIONS);
  return digest_end(&stream);
}

static void defaults_fill_what_the_file_leaves_out(void **state) {
  struct fixture *fixture = *state;
  const struct sample *sample = &fixture->sample;
  must_read(fixture, "workload = \"odd\"; # the only key without a default\n");
  assert_string_equal(sample->top.workload, "odd");
  assert_int_equal(sample->top.seed, 2385);
  assert_int_equal(sample->top.mode, 1);
  assert_true(sample->top.training);
  assert_true(sample->top.limit_w == 350.25);
  assert_int_equal(sample->top.tags.n, 0);
  assert_int_equal(sample->space.tc_rows.n, 7);
  assert_int_equal(sample->space.tc_rows.values[6], 256);
  assert_true(sample->space.scales.values[0] == 0.1 && sample->space.scales.values[1] == 3);
  assert_int_equal(sample->space.modes.n, 1);
  assert_int_equal(sample->space.modes.values[0], 2);
  assert_int_equal(sample->space.glb_bytes, 17 * 1048576);

  struct sample_space space;
  config_defaults(&sample_space_table, &fixture->arena, &space);
  assert_int_equal(space.glb_bytes, 17 * 1048576);
  struct sample_top top;
  config_defaults(&sample_top_table, &fixture->arena, &top);
  assert_string_equal(top.workload, "");
}

/* A thread with a locale of its own, as the library's callers may have, keeps it: libconfig would take it away. */
static void a_thread_keeps_its_locale(void **state) {
  struct fixture *fixture = *state;
  const locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  const locale_t before = uselocale(own);
  must_read(fixture, "workload = \"odd\"; limit_w = 350.5;\n");
  const locale_t after = uselocale(before);
  assert_true(after == own);
  freelocale(own);
}

static void every_type_takes_every_form(void **state) {
  struct fixture *fixture = *state;
  const struct sample *sample = &fixture->sample;
  must_read(fixture, "/* a\n comment */ workload : \"a\" \"b\\n\\x41\"\n" /* ':' is '=', texts in a row are joined */
                     "seed = 0xFFFFFFFFFL, mode = \"x2\"; training = FALSE; limit_w = \"0.7 kW\"; // units\n"
                     "tags = (\"p\", \"q\");\n"
                     "space = { tc_rows = [1, 200L, \"3\", 4.0, 0x10]; scales = 7; modes = [\"ring\", \"x2\"];\n"
                     "          glb_bytes = \"18446\"; clock_mhz = 1200; };\n");
  assert_string_equal(sample->top.workload, "ab\nA");
  assert_true(sample->top.seed == UINT64_C(0xFFFFFFFFF));
  assert_int_equal(sample->top.mode, 0);
  assert_false(sample->top.training);
  assert_true(sample->top.limit_w == 700);
  assert_string_equal(sample->top.tags.values[1], "q");
  const uint64_t rows[] = {1, 200, 3, 4, 16};
  assert_int_equal(sample->space.tc_rows.n, 5);
  assert_memory_equal(sample->space.tc_rows.values, rows, sizeof rows);
  assert_int_equal(sample->space.scales.n, 1);
  assert_true(sample->space.scales.values[0] == 7);
  assert_int_equal(sample->space.modes.values[0], 1);
  assert_int_equal(sample->space.glb_bytes, 18446);
  assert_true(sample->space.clock_mhz == 1200);
}

static void wide_integers_beside_narrow_ones(void **state) {
  struct fixture *fixture = *state;
  const struct sample *sample = &fixture->sample;
  /* libconfig alone: "mismatched element type", and -1294967296 without the L. */
  must_read(fixture, "workload = \"w\"; seed = 9223372036854775807L; space = { scales = [1, 3000000000L, -2.5]; };");
  assert_true(sample->top.seed == INT64_MAX);
  assert_true(sample->space.scales.values[1] == 3e9 && sample->space.scales.values[2] == -2.5);
  must_read(fixture, "workload = \"w\"; seed = \"18446744073709551615\";");
  assert_true(sample->top.seed == UINT64_MAX);
  must_read(fixture, "workload = \"w\"; seed = 2147483647; space = { scales = -2147483648; };");
  assert_true(sample->space.scales.values[0] == -2147483648.0);
}

static void expect_rows(struct fixture *fixture, const char *range, const char *values) {
  char text[128];
  snprintf(text, sizeof text, "workload = \"w\"; space = { tc_rows = \"%s\"; };", range);
  must_read(fixture, text);
  assert_string_equal(config_value_text(&sample_space_fields[0], &fixture->sample.space, &fixture->arena), values);
}

static void ranges_give_their_values(void **state) {
  struct fixture *fixture = *state;
  expect_rows(fixture, "4..256 x2", "[4, 8, 16, 32, 64, 128, 256]");
  expect_rows(fixture, "1..9 +2", "[1, 3, 5, 7, 9]");
  expect_rows(fixture, "1..10 +4", "[1, 5, 9]");
  expect_rows(fixture, "3..100x5", "[3, 15, 75]");
  expect_rows(fixture, "7..9", "[7, 8, 9]");
  expect_rows(fixture, "11..11 x3", "[11]");
  must_read(fixture, "workload = \"w\"; space = { scales = \"0.1..0.7 +0.1\"; };");
  assert_int_equal(fixture->sample.space.scales.n, 7); /* 0.1 + 6 · 0.1 exceeds 0.7 in binary */
  assert_true(fixture->sample.space.scales.values[6] == 0.7);
}

static void a_large_file_is_read_at_once(void **state) {
  struct fixture *fixture = *state;
  struct arena *arena = &fixture->arena;
  const char *text = repeat(arena, "tags = [\"y\"]; workload = \"", "x", CONFIG_MAX_BYTES - 29, "\";");
  const clock_t start = clock();
  must_read(fixture, text);
  assert_int_equal(strlen(fixture->sample.top.workload), CONFIG_MAX_BYTES - 29);
  must_read(fixture, repeat(arena, "workload = \"w\"; tags = [\"t\"", ",\t\"abcdefg\"", 65535, "];"));
  assert_int_equal(fixture->sample.top.tags.n, 65536);
  must_read(fixture, repeat(arena, "workload = \"w\";", "# comment\n", 100000, ""));
  char *keys = arena_alloc(arena, 5000 * 16, 1), *end = keys;
  for (int i = 0; i < 4095; i++) end += sprintf(end, "k%d = 1;\n", i);
  assert_false(read_with(fixture, keys, NULL, 0));
  assert_int_equal(fixture->error.n_messages, 4096);           /* each unknown, and the workload missing */
  assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 4); /* CPU time of all four, also under a sanitizer */
}

static void sets_come_on_top(void **state) {
  struct fixture *fixture = *state;
  const struct sample *sample = &fixture->sample;
  const struct config_set sets[] = {
      {"seed", "7"},
      {"seed", "11"},
      {"workload", "models/x.cfg"},
      {"mode", "tree"},
      {"space.tc_rows", "4..16 x2"},
      {"space.glb_bytes", "3 MiB"},
      {"training", "false"},
      {"blocks.[0].layers", "5"},
      {"tags", "(\"a\", \"b c\")"},
      {"limit_w", "99.5"},
      {"blocks.[1]", "{ layers = 3000000000L; }"},
  };
  static const char text[] = "seed = 3; blocks = ({ layers = 1; name = \"n\"; }, { layers = 2; });";
  assert_false(read_with(fixture, text, sets, 11));
  assert_string_equal(fixture->error.text,
                      "--set: blocks.[1].layers: 3000000000 is out of range; allowed are 1 to 4095\n");
  if (!read_with(fixture, text, sets, 10)) fail_msg("%s", fixture->error.text);
  assert_int_equal(sample->top.seed, 11);
  assert_string_equal(sample->top.workload, "models/x.cfg");
  assert_int_equal(sample->top.mode, 2);
  assert_int_equal(sample->space.tc_rows.n, 3);
  assert_int_equal(sample->space.glb_bytes, 3 * 1048576);
  assert_false(sample->top.training);
  assert_int_equal(sample->block[0].layers, 5);
  assert_string_equal(sample->block[0].name, "n");
  assert_string_equal(sample->top.tags.values[1], "b c");
  assert_true(sample->top.limit_w == 99.5);
}

static void one_field_can_be_set(void **state) {
  struct fixture *fixture = *state;
  struct sample_space *space = &fixture->sample.space;
  struct error error = {0};
  const struct field *clock_field = config_find_field(&sample_space_table, "clock_mhz");
  assert_non_null(clock_field);
  assert_null(config_find_field(&sample_space_table, "clock"));
  assert_true(config_set_field(clock_field, space, "1.98 GHz", "--design", &fixture->arena, &error));
  assert_true(space->clock_mhz == 1980);
  assert_false(config_set_field(clock_field, space, "0", "--design", &fixture->arena, &error));
  assert_false(config_set_field(clock_field, space, "5e", "--design", &fixture->arena, &error));
  assert_string_equal(error.text, "--design: clock_mhz: 0 is out of range; allowed are 1 to 5000 mhz\n"
                                  "--design: clock_mhz: \"5e\" is no quantity in mhz; write a number, or one with a "
                                  "unit\n");
  assert_true(space->clock_mhz == 1980);
}

static void questions_about_a_file(void **state) {
  struct fixture *fixture = *state;
  struct error error = {0};
  struct config *config;
  static const char text[] = "seed = 5;\n\nblocks = (\n  { layers = 3; },\n  { layers = 4;\n    name = \"n\"; });\n";
  const struct config_set set = {"mode", "ring"};
  assert_true(config_open_text("q.cfg", text, strlen(text), &set, 1, &fixture->arena, &config, &error));
  assert_int_equal(config_count(config, "blocks"), 2);
  assert_int_equal(config_count(config, "seed"), 0);
  assert_int_equal(config_count(config, "none"), 0);
  assert_true(config_has(config, "blocks.[1].name"));
  assert_false(config_has(config, "blocks.[2]"));
  assert_false(config_has(config, "blocks.1"));
  const char *file, *value;
  assert_int_equal(config_line(config, "blocks.[1].name", &file), 6);
  assert_string_equal(file, "q.cfg");
  assert_int_equal(config_line(config, "blocks.[1]", &file), 5);
  assert_int_equal(config_line(config, "none", &file), 0);
  assert_string_equal(file, "q.cfg");
  assert_int_equal(config_line(config, "mode", &file), 0);
  assert_string_equal(file, "--set");
  assert_true(config_peek_text(config, "blocks.[1].name", "x", &fixture->arena, &value, &error));
  assert_string_equal(value, "n");
  assert_true(config_peek_text(config, "none", "fallback", &fixture->arena, &value, &error));
  assert_string_equal(value, "fallback");
  assert_false(config_peek_text(config, "blocks.[0].layers", "x", &fixture->arena, &value, &error));
  assert_string_equal(error.text, "q.cfg:4: blocks.[0].layers: a text in quotes is expected\n");
  config_close(config);
}

static const char *written(struct fixture *fixture, bool comments) {
  char *buffer;
  size_t n;
  FILE *out = open_memstream(&buffer, &n);
  config_write(out, fixture->sections, SAMPLE_SECTIONS, comments);
  fclose(out);
  const char *text = arena_copy_text(&fixture->arena, buffer);
  free(buffer);
  return text;
}

static void what_is_written_reads_back(void **state) {
  struct fixture *fixture = *state;
  must_read(fixture, "workload = \"q\\\"\\\\ \\n\\t \xC3\xA9\"; seed = \"18446744073709551615\"; training = false;\n"
                     "limit_w = 333333.33333333331; tags = [\"\", \"a\"];\n"
                     "space = { scales = [3000000000L, 1e22, 0.1, -1e-300, 5e-324]; glb_bytes = 2147483648L; };\n"
                     "blocks = ({ layers = 7; }, { layers = 9; name = \"n\"; });");
  const struct digest digest = digest_of_sample(fixture);
  const struct sample before = fixture->sample;
  for (int comments = 0; comments < 2; comments++) {
    const char *text = written(fixture, comments);
    must_read(fixture, text);
    assert_true(digest_equal(digest, digest_of_sample(fixture)));
    assert_string_equal(fixture->sample.top.workload, before.top.workload);
    assert_true(fixture->sample.top.seed == UINT64_MAX);
    assert_true(fixture->sample.top.limit_w == before.top.limit_w); /* ROLE_STOP: not in the digest */
    assert_int_equal(fixture->sample.top.tags.n, 2);
    assert_memory_equal(fixture->sample.space.scales.values, before.space.scales.values, 5 * sizeof(double));
    assert_string_equal(written(fixture, comments), text);
  }
  const char *text = written(fixture, false);
  assert_non_null(strstr(text, "  glb_bytes = 2147483648L;\n"));
  assert_non_null(strstr(text, "  scales = [3000000000.0, 1e+22, 0.1, -1e-300, "));
  assert_null(strchr(text, '#'));
  assert_non_null(strstr(written(fixture, true), "  # Clock. [mhz] From 1 to 5000.\n  clock_mhz = 940.0;\n"));
}

static void the_digest_is_of_answers_alone(void **state) {
  struct fixture *fixture = *state;
  must_read(fixture, "workload = \"w\";");
  const struct digest digest = digest_of_sample(fixture);
  must_read(fixture, "workload = \"w\"; limit_w = 5; tags = \"t\"; seed = 0x951;");
  assert_true(digest_equal(digest, digest_of_sample(fixture)));
  static const char *const other[] = {"seed = 1;",
                                      "mode = \"tree\";",
                                      "training = false;",
                                      "space = { tc_rows = 4; };",
                                      "space = { scales = [0.1, 3.5]; };",
                                      "space = { modes = \"ring\"; };"};
  for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
    char text[80];
    snprintf(text, sizeof text, "workload = \"w\"; %s", other[i]);
    must_read(fixture, text);
    assert_false(digest_equal(digest, digest_of_sample(fixture)));
  }
}

/* A folder with files that include each other. */
struct include_case {
  const char *name, *text;
};

static void write_files(const char *folder, const struct include_case *files, size_t n, struct arena *arena) {
  struct error error = {0};
  for (size_t i = 0; i < n; i++)
    assert_true(file_publish(arena_printf(arena, "%s/%s", folder, files[i].name), files[i].text, strlen(files[i].text),
                             &error));
}

static void expect_include(struct fixture *fixture, const char *folder, const char *text, const char *expected) {
  struct error error = {0};
  struct config *config;
  const char *path = arena_printf(&fixture->arena, "%s/runs/run.cfg", folder);
  assert_true(file_publish(path, text, strlen(text), &error));
  bool ok = config_open(path, NULL, 0, &fixture->arena, &config, &error);
  if (ok) {
    ok = config_apply(config, fixture->sections, SAMPLE_SECTIONS, &fixture->arena, &error);
    config_close(config);
  }
  if (!expected) {
    if (!ok) fail_msg("%s", error.text);
    return;
  }
  assert_false(ok);
  const char *prefix = arena_printf(&fixture->arena, "%s/runs/", folder);
  assert_memory_equal(error.text, prefix, strlen(prefix));
  const char *message = error.text + strlen(prefix);
  if (strncmp(message, expected, strlen(expected)) != 0) fail_msg("says: %s", message);
}

static void includes_stay_in_their_folder(void **state) {
  struct fixture *fixture = *state;
  struct arena *arena = &fixture->arena;
  char folder[] = P_tmpdir "/dse-test-config-XXXXXX";
  assert_non_null(mkdtemp(folder));
  struct error error = {0};
  assert_true(file_make_folder(arena_printf(arena, "%s/runs/parts", folder), &error));
  static const struct include_case files[] = {
      {"runs/parts/a.cfg", "\xEF\xBB\xBFseed = 77;\n@include \"b.cfg\" # beside the including file\nmode = \"tree\";"},
      {"runs/parts/b.cfg", "limit_w = 12.5;\n\nsped = 3;"},
      {"runs/parts/up.cfg", "@include \"../top.cfg\""},
      {"runs/top.cfg", "limit_w = 13;"},
      {"runs/loop.cfg", "@include \"loop.cfg\""},
      {"outside.cfg", "seed = 1;"},
  };
  write_files(folder, files, 6, arena);
  assert_int_equal(symlink("../outside.cfg", arena_printf(arena, "%s/runs/link.cfg", folder)), 0);

  expect_include(fixture, folder, "@include \"parts/up.cfg\"\nworkload = \"w\";", NULL);
  assert_true(fixture->sample.top.limit_w == 13);
  expect_include(fixture, folder, "@include \"parts/a.cfg\"\nworkload = \"w\";",
                 "parts/b.cfg:3: sped: unknown key; did you mean seed?\n");
  assert_int_equal(fixture->sample.top.seed, 77);
  assert_true(fixture->sample.top.limit_w == 12.5);
  expect_include(fixture, folder, "\n@include \"../outside.cfg\"",
                 "run.cfg:2: @include: \"../outside.cfg\": lies outside the run file's folder\n");
  expect_include(fixture, folder, "@include \"link.cfg\"",
                 "run.cfg:1: @include: \"link.cfg\": lies outside the run file's folder\n");
  expect_include(
      fixture, folder, "@include \"/etc/hostname\"",
      "run.cfg:1: @include: \"/etc/hostname\": absolute paths are refused; write it relative to this file\n");
  expect_include(fixture, folder, "@include \"none.cfg\"",
                 "run.cfg:1: @include: \"none.cfg\": no such file beside this one\n");
  expect_include(fixture, folder, "@include \"loop.cfg\"",
                 "loop.cfg:1: @include: more than 8 files deep or 64 in all; does a file include itself?\n");
  /* libconfig itself ends the program here. */
  expect_include(fixture, folder, "@include \"parts\"", "run.cfg:1: @include: ");

  struct config *config;
  assert_false(config_open(arena_printf(arena, "%s/none.cfg", folder), NULL, 0, arena, &config, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  static const char *const made[] = {"runs/parts/a.cfg",
                                     "runs/parts/b.cfg",
                                     "runs/parts/up.cfg",
                                     "runs/top.cfg",
                                     "runs/loop.cfg",
                                     "outside.cfg",
                                     "runs/link.cfg",
                                     "runs/run.cfg",
                                     "runs/parts",
                                     "runs",
                                     "."};
  for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) remove(arena_printf(arena, "%s/%s", folder, made[i]));
  rmdir(folder);
}

/* Values, a range, or a rule; each is written and digested as what it is. */
static void rules_stand_for_values(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 14);
  static const struct field field = {.key = "vc_width",
                                     .type = FIELD_UINT_RULE,
                                     .unit = "",
                                     .minimum = 1,
                                     .maximum = 4096,
                                     .default_text = "[128]",
                                     .doc = "Lanes."};
  static const struct {
    const char *value, *written;
    size_t n;
  } cases[] = {{"[4, 8]", "[4, 8]", 2},
               {"\"4..16 x2\"", "[4, 8, 16]", 3},
               {"23", "[23]", 1},
               {"\"= tc_cols\"", "\"= tc_cols\"", 0},
               {"\" =max(1, tc_cols*2)\"", "\"= max(1, tc_cols*2)\"", 0}};
  const struct field_table table = {"lanes", "Lanes.", &field, 1};
  struct digest digests[5];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct error *error = ARENA_NEW(&arena, struct error, 1);
    struct uint_rule rule, again;
    memset(&rule, 0xa5, sizeof rule);
    assert_true(config_set_field(&field, &rule, cases[i].value, "test", &arena, error));
    assert_int_equal(rule.n, cases[i].n);
    assert_int_equal(rule.rule != NULL, cases[i].n == 0);
    assert_string_equal(config_value_text(&field, &rule, &arena), cases[i].written);
    assert_true(config_set_field(&field, &again, cases[i].written, "test", &arena, error));
    assert_string_equal(config_value_text(&field, &again, &arena), cases[i].written);
    const struct config_section section = {"", &table, &rule, false};
    struct digest_stream stream;
    digest_begin(&stream);
    config_digest(&stream, &section, 1);
    digests[i] = digest_end(&stream);
    for (size_t j = 0; j < i; j++) assert_false(digest_equal(digests[i], digests[j]));
  }
  static const char *const refused[] = {"\"= \"", "\"tc_cols\"", "[0]", "5000", "[\"= tc_cols\"]", "true"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    struct error *error = ARENA_NEW(&arena, struct error, 1);
    struct uint_rule rule;
    assert_false(config_set_field(&field, &rule, refused[i], "test", &arena, error));
  }
  struct uint_rule defaults;
  config_defaults(&table, &arena, &defaults);
  assert_true(defaults.n == 1 && defaults.values[0] == 128 && defaults.rule == NULL);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(defaults_fill_what_the_file_leaves_out),
      TEST(a_thread_keeps_its_locale),
      TEST(every_type_takes_every_form),
      TEST(wide_integers_beside_narrow_ones),
      TEST(ranges_give_their_values),
      TEST(a_large_file_is_read_at_once),
      TEST(sets_come_on_top),
      TEST(one_field_can_be_set),
      TEST(rules_stand_for_values),
      TEST(questions_about_a_file),
      TEST(what_is_written_reads_back),
      TEST(the_digest_is_of_answers_alone),
      TEST(includes_stay_in_their_folder),
  };
  return cmocka_run_group_tests_name("base/config", tests, NULL, NULL);
}

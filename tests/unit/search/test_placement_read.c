/* Is a placement problem, and an answer to it, read as it is meant, and is every mistake said at its place? */
#include "search/placement/placement_read.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Line by line, so that messages can be counted out. */
static const char good[] =
    "{\"format\": \"dse.placement/1\", \"name\": \"x\",\n"                                   /* 1 */
    " \"transfers\": \"all\", \"timing\": \"serial\",\n"                                     /* 2 */
    " \"objective\": \"makespan\", \"memory\": \"pin\",\n"                                   /* 3 */
    " \"granule_bytes\": 4000, \"contiguous\": false,\n"                                     /* 4 */
    " \"host\": {\"out_bytes_per_s\": 2e9, \"prefetch_layers\": 3, \"duplex\": \"half\"},\n" /* 5 */
    " \"devices\": [\n"                                                                      /* 6 */
    "  {\"name\": \"A\", \"dram_bytes\": 2385, \"link_bytes_per_s\": 125.5},\n"              /* 7 */
    "  {\"name\": \"B\", \"class\": \"C\", \"pin_share\": 0.25, \"active_w\": 7}\n"          /* 8 */
    " ],\n"                                                                                  /* 9 */
    " \"links\": [\n"                                                                        /* 10 */
    "  {\"from\": \"A\", \"to\": \"B\", \"bytes_per_s\": 50, \"latency_s\": 0.5}\n"          /* 11 */
    " ],\n"                                                                                  /* 12 */
    " \"layers\": {\"columns\": [\"layer\", \"kind\", \"weight_bytes\", \"group\"],\n"       /* 13 */
    "  \"rows\": [\n"                                                                        /* 14 */
    "   [\"u\", \"conv\", 7, \"g\"],\n"                                                      /* 15 */
    "   [\"v\", \"fc\", 1e3, \"g\"],\n"                                                      /* 16 */
    "   [\"w\", \"conv\", 0, null]]},\n"                                                     /* 17 */
    " \"edges\": {\"columns\": [\"from\", \"to\", \"bytes\", \"transfer_s\"],\n"             /* 18 */
    "  \"rows\": [\n"                                                                        /* 19 */
    "   [\"u\", \"v\", 23, null],\n"                                                         /* 20 */
    "   [\"u\", \"w\", 85, 0.125],\n"                                                        /* 21 */
    "   [\"v\", \"w\", 0, null]]},\n"                                                        /* 22 */
    " \"costs\": {\"columns\": [\"layer\", \"class\", \"compute_s\", \"energy_j\"],\n"       /* 23 */
    "  \"rows\": [\n"                                                                        /* 24 */
    "   [\"u\", \"A\", 1.5, 3],\n"                                                           /* 25 */
    "   [\"u\", \"C\", 2.5, 4],\n"                                                           /* 26 */
    "   [\"v\", \"C\", 0.1, 5],\n"                                                           /* 27 */
    "   [\"w\", \"A\", 0, 0]]}}\n";                                                          /* 28 */

static bool parse(const char *text, struct placement_problem *problem, struct error *error) {
  memset(error, 0, sizeof *error);
  return placement_parse("p.json", text, strlen(text), &arena, problem, error);
}

static void test_good(void **state) {
  (void)state;
  struct placement_problem p;
  struct error error;
  if (!parse(good, &p, &error)) fail_msg("%s", error.text);
  assert_string_equal(p.name, "x");
  assert_int_equal(p.transfers, PLACEMENT_ALL);
  assert_int_equal(p.timing, PLACEMENT_SERIAL);
  assert_int_equal(p.objective, PLACEMENT_MAKESPAN);
  assert_int_equal(p.memory, PLACEMENT_PIN);
  assert_int_equal(p.granule_bytes, 4000);
  assert_false(p.contiguous || p.adjacent_residency || p.plain);
  assert_true(p.host.out_bytes_per_s == 2e9 && isinf(p.host.in_bytes_per_s) && p.host.transfer_j_per_byte == 0);
  assert_true(p.host.prefetch_layers == 3 && p.host.half_duplex);
  assert_int_equal(p.n_devices, 2);
  assert_string_equal(p.devices[0].class_name, "A");
  assert_string_equal(p.devices[1].class_name, "C");
  assert_true(p.devices[0].dram_bytes == 2385 && p.devices[1].dram_bytes == UINT64_MAX);
  assert_true(p.devices[0].pin_share == 0.5 && p.devices[1].pin_share == 0.25);
  assert_true(p.devices[0].link_bytes_per_s == 125.5 && isinf(p.devices[1].link_bytes_per_s));
  assert_true(p.devices[1].active_w == 7 && p.devices[1].idle_w == 0 && !p.devices[0].host);
  assert_true(p.mesh_bytes_per_s[1] == 50 && p.mesh_latency_s[1] == 0.5 && p.mesh_bytes_per_s[2] == 0);
  assert_int_equal(p.n_layers, 3);
  assert_int_equal(p.n_kinds, 2);
  assert_string_equal(p.kinds[p.kind[1]], "fc");
  assert_int_equal(p.kind[2], 0);
  assert_true(p.weight_bytes[0] == 7 && p.weight_bytes[1] == 1000 && p.output_bytes[0] == 0);
  assert_true(p.input_bytes[0] == 0 && p.input_bytes[1] == 23 && p.input_bytes[2] == 85); /* sums of edges */
  assert_true(p.group[0] == 0 && p.group[1] == 0 && p.group[2] == PLACEMENT_NONE && p.n_groups == 1);
  assert_int_equal(p.n_edges, 3);
  assert_true(isnan(p.edges[0].transfer_s) && p.edges[1].transfer_s == 0.125 && p.edges[1].bytes == 85);
  assert_true(placement_can_run(&p, 0, 0) && placement_can_run(&p, 0, 1) && !placement_can_run(&p, 1, 0));
  assert_true(p.compute_s[1] == 2.5 && p.energy_j[1] == 4 && p.energy_j[3] == 5);
  assert_true(p.in_start[2] == 1 && p.in_start[3] == 3 && p.in_edge[1] == 1 && p.in_edge[2] == 2);
  assert_true(p.out_start[1] == 2 && p.successor[0] == 1 && p.successor[1] == 2 && p.predecessor[2] == 1);
  assert_true(p.topological[0] == 0 && p.topological[2] == 2);
  assert_true(p.weight_granules[1] == 1 && p.pin_granules[0] == 1 && p.pin_granules[1] == UINT64_MAX);
  assert_true(p.only_reader[0] == PLACEMENT_NONE && p.only_reader[1] == PLACEMENT_NONE);
  assert_true(p.is_read[0] && !p.is_read[1] && p.read_bytes[0] == 85 && p.read_s[0] == 0.125 && isnan(p.read_s[1]));
}

static void test_defaults(void **state) {
  (void)state;
  static const char text[] = "{\"format\": \"dse.placement/1\", \"comment\": [\"a note\"], \"preset\": \"star\",\n"
                             "\"memory\": \"none\", \"devices\": [{\"name\": \"A\", \"host\": true}],\n"
                             "\"layers\": {\"columns\": [\"layer\"], \"rows\": [[\"u\"]]},\n"
                             "\"costs\": {\"columns\": [\"layer\", \"class\", \"compute_s\"], \"rows\": "
                             "[[\"u\", \"A\", \"2.5\"]]}}";
  struct placement_problem p;
  struct error error;
  if (!parse(text, &p, &error)) fail_msg("%s", error.text);
  assert_string_equal(p.name, "placement");
  assert_int_equal(p.transfers, PLACEMENT_CUT);
  assert_int_equal(p.timing, PLACEMENT_SERIAL);
  assert_int_equal(p.objective, PLACEMENT_PERIOD);
  assert_int_equal(p.memory, PLACEMENT_UNLIMITED); /* what is said beats the preset */
  assert_true(p.contiguous && p.granule_bytes == 1 && p.host.prefetch_layers == 1 && !p.host.half_duplex);
  assert_true(p.devices[0].host && p.n_edges == 0 && p.energy_j == NULL && p.group == NULL);
  assert_string_equal(p.kinds[0], "");
  assert_true(p.compute_s[0] == 2.5);
}

/* `from` of the good text becomes `to`. */
static const struct slip {
  const char *from, *to, *message;
} slips[] = {
    {good, "[]", "p.json:1: no object; {\"format\": \"dse.placement/1\", …} was expected\n"},
    {good, "{\"a\": 1\n\"b\": 2}", "p.json:2: column 3: '}' expected near '\"b\"'\n"},
    {"placement/1", "placement/2", "p.json:1: format: \"dse.placement/2\", \"dse.placement/1\" was expected\n"},
    {"\"format\": \"dse.placement/1\", ", "", "p.json:1: format: is missing, \"dse.placement/1\" was expected\n"},
    {"\"name\": \"x\"", "\"name\": \"\"", "p.json:1: name: \"\", a name was expected\n"},
    {"\"all\"", "\"some\"", "p.json:2: transfers: \"some\", one of \"all\", \"cut\" was expected\n"},
    {"\"serial\"", "7", "p.json:2: timing: 7, one of \"serial\", \"delay\", \"contention\" was expected\n"},
    {"\"makespan\"", "\"time\"",
     "p.json:3: objective: \"time\", one of \"makespan\", \"period\", \"energy\" was expected\n"},
    {"\"pin\"", "\"soft\"", "p.json:3: memory: \"soft\", one of \"pin\", \"hard\", \"none\" was expected\n"},
    {"\"memory\"", "\"residency\": \"no\", \"memory\"",
     "p.json:3: residency: \"no\", one of \"dram\", \"adjacent\" was expected\n"},
    {"\"memory\"", "\"preset\": \"no\", \"memory\"",
     "p.json:3: preset: \"no\", one of \"h2h\", \"delay\", \"star\" was expected\n"},
    {"4000", "0", "p.json:4: granule_bytes: 0, a whole number from 1 to 2^53 was expected\n"},
    {"4000", "1.5", "p.json:4: granule_bytes: 1.5, a whole number from 1 to 2^53 was expected\n"},
    {"false", "0", "p.json:4: contiguous: 0, true or false was expected\n"},
    {"\"contiguous\"", "\"contigous\"", "p.json:4: contigous: is no key; did you mean contiguous?\n"},
    {"{\"out_bytes_per_s\": 2e9, \"prefetch_layers\": 3, \"duplex\": \"half\"}", "5",
     "p.json:5: host: 5, an object was expected\n"},
    {"2e9", "0", "p.json:5: out_bytes_per_s: 0, a finite number above 0 was expected\n"},
    {"\"prefetch_layers\": 3", "\"prefetch_layers\": -1",
     "p.json:5: prefetch_layers: -1, a whole number from 0 to 2^53 was expected\n"},
    {"\"prefetch_layers\": 3", "\"transfer_j_per_byte\": -1",
     "p.json:5: transfer_j_per_byte: -1, a finite number of at least 0 was expected\n"},
    {"\"half\"", "\"none\"", "p.json:5: duplex: \"none\", one of \"full\", \"half\" was expected\n"},
    {"\"duplex\"", "\"dulpex\"", "p.json:5: dulpex: is no key; did you mean duplex?\n"},
    {"\"name\": \"A\", ", "", "p.json:7: name: is missing, a name was expected\n"},
    {"\"name\": \"A\"", "\"name\": \"B\"", "p.json:8: name: \"B\", a name that no device before has was expected\n"},
    {"\"name\": \"A\"", "\"name\": \"\\u0007\"", "p.json:7: name: \"\\u0007\", a name was expected\n"},
    {"2385", "-1", "p.json:7: dram_bytes: -1, a whole number from 0 to 2^53 was expected\n"},
    {"125.5", "\"fast\"", "p.json:7: link_bytes_per_s: \"fast\", a finite number above 0 was expected\n"},
    {"125.5", "0", "p.json:7: link_bytes_per_s: 0, a finite number above 0 was expected\n"},
    {"\"class\": \"C\"", "\"class\": 3", "p.json:8: class: 3, a name was expected\n"},
    {"\"class\": \"C\"", "\"host\": 3", "p.json:8: host: 3, true or false was expected\n"},
    {"\"class\": \"C\"", "\"link_latency_s\": -3",
     "p.json:8: link_latency_s: -3, a finite number of at least 0 was expected\n"},
    {"0.25", "1.25", "p.json:8: pin_share: 1.25, a number from 0 to 1 was expected\n"},
    {"\"active_w\": 7", "\"active_w\": -7", "p.json:8: active_w: -7, a finite number of at least 0 was expected\n"},
    {"\"active_w\": 7", "\"idle_w\": -7", "p.json:8: idle_w: -7, a finite number of at least 0 was expected\n"},
    {"\"active_w\"", "\"activ_w\"", "p.json:8: activ_w: is no key; did you mean active_w?\n"},
    {"{\"name\": \"B\", \"class\": \"C\", \"pin_share\": 0.25, \"active_w\": 7}", "7",
     "p.json:6: devices: 7, an object was expected\n"},
    {"\"from\": \"A\"", "\"from\": \"D\"", "p.json:11: from: \"D\", the name of a device was expected\n"},
    {"\"to\": \"B\"", "\"to\": 5", "p.json:11: to: 5, the name of a device was expected\n"},
    {"\"to\": \"B\"", "\"to\": \"A\"", "p.json:11: to: a device needs no link to itself\n"},
    {"\"latency_s\": 0.5}", "\"latency_s\": 0.5},\n{\"from\": \"A\", \"to\": \"B\", \"bytes_per_s\": 5}",
     "p.json:12: to: this link is there twice\n"},
    {"\"bytes_per_s\": 50, ", "", "p.json:11: bytes_per_s: is missing, a finite number above 0 was expected\n"},
    {"\"bytes_per_s\": 50", "\"bytes_per_s\": -50",
     "p.json:11: bytes_per_s: -50, a finite number above 0 was expected\n"},
    {"\"latency_s\": 0.5", "\"latency_s\": -0.5",
     "p.json:11: latency_s: -0.5, a finite number of at least 0 was expected\n"},
    {"[\"layer\", \"kind\", \"weight_bytes\", \"group\"]", "[]",
     "p.json:13: layers: {\"columns\": […], \"rows\": [[…], …]} was expected\n"},
    {"[\"layer\", \"kind\", \"weight_bytes\", \"group\"]", "[\"layer\", \"kind\", \"layer\", \"group\"]",
     "p.json:13: layers: \"layer\", the name of one column only was expected\n"},
    {"[\"layer\", \"kind\"", "[\"name\", \"kind\"", "p.json: layer: this column is missing\n"},
    {"\"weight_bytes\", \"group\"]", "7, \"group\"]", "p.json:13: layers: 7, the name of a column was expected\n"},
    {"[\"u\", \"conv\", 7, \"g\"]", "[\"u\", \"conv\", 7]",
     "p.json:15: layers: [\"u\",\"conv\",7], a list of 4 was expected\n"},
    {"[\"u\", \"conv\", 7, \"g\"]", "[\"u\", \"conv\", [7], \"g\"]",
     "p.json:15: weight_bytes: [7], a text or number was expected\n"},
    {"[\"u\", \"conv\", 7", "[\"u\", \"conv\", -7",
     "p.json:15: weight_bytes: \"-7\" is no whole number from 0 to 2^53\n"},
    {"[\"u\", \"conv\", 7", "[\"u\", \"conv\", 1e16",
     "p.json:15: weight_bytes: \"1e+16\" is no whole number from 0 to 2^53\n"},
    {"[\"v\", \"fc\", 1e3", "[\"u\", \"fc\", 1e3", "p.json:16: layer: \"u\" is there twice\n"},
    {"[\"v\", \"fc\", 1e3", "[\"v\", \"f\\tc\", 1e3", "p.json:16: kind: \"f\\x09c\" is no name\n"},
    {"[\"w\", \"conv\", 0, null]", "[\"\", \"conv\", 0, null]", "p.json:17: layer: \"\" is no name\n"},
    {"[\"from\", \"to\", ", "[\"from\", \"at\", ", "p.json: to: this column is missing\n"},
    {"[\"u\", \"v\", 23", "[\"x\", \"v\", 23", "p.json:20: from: \"x\" is no layer\n"},
    {"[\"u\", \"v\", 23", "[\"u\", \"y\", 23", "p.json:20: to: \"y\" is no layer\n"},
    {"23, null", "0.5, null", "p.json:20: bytes: \"0.5\" is no whole number from 0 to 2^53\n"},
    {"0.125", "-1", "p.json:21: transfer_s: \"-1\" is no finite number of at least 0\n"},
    {"[\"v\", \"w\", 0", "[\"u\", \"w\", 0", "p.json:22: edge \"u\" to \"w\": is there twice\n"},
    {"[\"v\", \"w\", 0", "[\"w\", \"w\", 0", "p.json:22: edge \"w\" to \"w\": a layer cannot wait for itself\n"},
    {"[\"v\", \"w\", 0", "[\"w\", \"u\", 0",
     "p.json:21: \"u\" before \"w\" before \"u\": layers that wait for each other in a circle can never start\n"},
    {"\"compute_s\", ", "\"seconds\", ", "p.json: compute_s: this column is missing\n"},
    {"[\"u\", \"A\", 1.5", "[\"x\", \"A\", 1.5", "p.json:25: layer: \"x\" is no layer\n"},
    {"[\"u\", \"A\", 1.5", "[\"u\", \"B\", 1.5", "p.json:25: class: \"B\" is the class of no device\n"},
    {"[\"u\", \"A\", 1.5", "[\"u\", \"A\", null", "p.json:25: compute_s: \"\" is no finite number of at least 0\n"},
    {"[\"u\", \"A\", 1.5, 3", "[\"u\", \"A\", 1.5, -3",
     "p.json:25: energy_j: \"-3\" is no finite number of at least 0\n"},
    {"[\"u\", \"C\", 2.5", "[\"u\", \"A\", 2.5", "p.json:26: class: this layer's cost on this class is there twice\n"},
    {",\n   [\"w\", \"A\", 0, 0]", "",
     "p.json:17: layer \"w\": no device can run it: there is no row of costs for any\n"},
    {"[\"u\", \"C\", 2.5, 4]", "[\"w\", \"C\", 2.5, 4]",
     "p.json:15: layer \"u\": no device can run all layers of its group\n"},
    {"\"memory\": \"pin\"", "\"memory\": \"hard\"", NULL}, /* B holds anything */
    {"\"edges\"", "\"layers\"", "p.json:18: column 9: duplicate object key near '\"layers\"'\n"},
};

/* The good text with one thing changed. */
static const char *change(const char *from, const char *to) {
  const char *at = strstr(good, from);
  assert_non_null(at);
  return arena_printf(&arena, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

static void test_slips(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
    struct placement_problem p;
    struct error error;
    const bool fine = parse(change(slips[i].from, slips[i].to), &p, &error);
    if (fine != (slips[i].message == NULL)) fail_msg("%s: %s", slips[i].to, error.text);
    if (!fine && strcmp(error.text, slips[i].message) != 0)
      fail_msg("%s is said, not %s", error.text, slips[i].message);
    if (!fine) assert_int_equal(error.status, STATUS_INPUT);
  }
}

/* Several at once, and memory that nothing fits. */
static void test_more(void **state) {
  (void)state;
  struct placement_problem p;
  struct error error;
  assert_false(parse("{\"format\": \"dse.placement/1\"}", &p, &error));
  assert_string_equal(error.text, "p.json:1: devices: is missing, a list of 1 to 1024 devices was expected\n"
                                  "p.json:1: layers: is missing, a table was expected\n"
                                  "p.json:1: costs: is missing, a table was expected\n");
  static const char tight[] = "{\"format\": \"dse.placement/1\", \"memory\": \"hard\", \"devices\": [\n"
                              "{\"name\": \"A\", \"dram_bytes\": %s}],\n"
                              "\"layers\": {\"columns\": [\"layer\", \"weight_bytes\", \"group\"], \"rows\": [\n"
                              "[\"u\", 100, %s],\n[\"v\", 50, %s]]},\n"
                              "\"costs\": {\"columns\": [\"layer\", \"class\", \"compute_s\"], \"rows\": [\n"
                              "[\"u\", \"A\", 1], [\"v\", \"A\", 1]]}}";
  assert_false(parse(arena_printf(&arena, tight, "99", "null", "null"), &p, &error));
  assert_string_equal(error.text, "p.json:4: layer \"u\": hard memory: its weights fit no device that can run it\n");
  assert_false(parse(arena_printf(&arena, tight, "149", "null", "null"), &p, &error));
  assert_string_equal(error.text,
                      "p.json:2: hard memory cannot be met: layers weigh 150 bytes, all devices hold 149\n");
  assert_false(parse(arena_printf(&arena, tight, "149", "\"g\"", "\"g\""), &p, &error));
  assert_string_equal(error.text,
                      "p.json:4: layer \"u\": hard memory: its group's weights fit no device that can run it\n");
  assert_true(parse(arena_printf(&arena, tight, "150", "\"g\"", "\"g\""), &p, &error));
  assert_false(parse("", &p, &error));
  assert_string_equal(error.text, "p.json:1: column 1: '[' or '{' expected near end of file\n");
}

/* --- tables beside the JSON -----------------------------------------------------------------------------------------
 */

static void put(const char *folder, const char *name, const char *text) {
  FILE *out = fopen(arena_printf(&arena, "%s/%s", folder, name), "w");
  assert_non_null(out);
  fputs(text, out);
  assert_int_equal(fclose(out), 0);
}

static void test_files(void **state) {
  (void)state;
  char folder[] = "/tmp/dse-placement-XXXXXX";
  assert_non_null(mkdtemp(folder));
  put(folder, "p.json",
      "{\"format\": \"dse.placement/1\", \"devices\": [{\"name\": \"A\"}],\n"
      "\"layers\": \"l.csv\", \"edges\": \"e.csv\",\n\"costs\": \"c.csv\"}");
  put(folder, "l.csv", "layer,note,weight_bytes\nu,first,85\nv,,\n");
  put(folder, "e.csv", "from,to\nu,v\n");
  put(folder, "c.csv", "layer,class,compute_s\nu,A,1\nv,A,2\n");
  const char *path = arena_printf(&arena, "%s/p.json", folder);
  struct placement_problem p;
  struct error error = {0};
  if (!placement_read(path, &arena, &p, &error)) fail_msg("%s", error.text);
  assert_true(p.n_layers == 2 && p.n_edges == 1 && p.weight_bytes[0] == 85 && p.weight_bytes[1] == 0);
  put(folder, "e.csv", "from,to\n\nu,v\nv,u\n");
  assert_false(placement_read(path, &arena, &p, &error));
  assert_string_equal(error.text, arena_printf(&arena,
                                               "%s/e.csv:3: \"u\" before \"v\" before \"u\": layers that wait for "
                                               "each other in a circle can never start\n",
                                               folder));
  memset(&error, 0, sizeof error);
  put(folder, "e.csv", "from,to\nu,v\n");
  put(folder, "c.csv", "layer,class,compute_s\nu,A,1\nv,A,inf\nx,A,2\n");
  assert_false(placement_read(path, &arena, &p, &error));
  assert_string_equal(error.text, arena_printf(&arena,
                                               "%s/c.csv:3: compute_s: \"inf\" is no finite number of at least 0\n"
                                               "%s/c.csv:4: layer: \"x\" is no layer\n",
                                               folder, folder));
  unlink(arena_printf(&arena, "%s/c.csv", folder));
  memset(&error, 0, sizeof error);
  assert_false(placement_read(path, &arena, &p, &error));
  const char *expected = arena_printf(&arena, "%s:3: costs: \"c.csv\", a file that can be read was expected\n", path);
  assert_memory_equal(error.text, expected, strlen(expected));
  memset(&error, 0, sizeof error);
  assert_false(placement_read(folder, &arena, &p, &error));
  for (const char *const *name = (const char *const[]){"p.json", "l.csv", "e.csv", NULL}; *name != NULL; name++) {
    unlink(arena_printf(&arena, "%s/%s", folder, *name));
  }
  assert_int_equal(rmdir(folder), 0);
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static const struct {
  const char *text, *message;
} answers[] = {
    {"layer,device,position,pinned\nu,B,0,1\nw,A,0,0\nv,B,1,1\n", NULL},
    {"layer,device,position,pinned,start_s,end_s,note\nu,B,0,1,0,1,x\nw,A,0,0,2,3,y\nv,B,1,1,2.5,3,z\n", NULL},
    {"layer,device,place,pinned\nu,B,0,1\n", "a.csv:1: position: this column is missing\n"},
    {"layer,device,position,pinned\nu,B,0,1\nw,A,0,0\n", "a.csv: layer: \"v\" is missing\n"},
    {"layer,device,position,pinned\nu,B,0,1\nx,A,0,0\nv,B,1,1\nw,A,0,0\n",
     "a.csv:3: layer: \"x\" is no layer of the problem\n"},
    {"layer,device,position,pinned\nu,B,0,1\nw,A,0,0\nv,B,1,1\nw,A,0,0\n", "a.csv:5: layer: \"w\" is there twice\n"},
    {"layer,device,position,pinned\nu,C,0,1\nw,A,0,0\nv,B,0,1\n",
     "a.csv:2: device: \"C\" is no device of the problem\n"},
    {"layer,device,position,pinned\nu,B,0,1\nw,A,1,0\nv,B,1,1\n",
     "a.csv:3: position: \"1\" is no place among the 1 layers of its device\n"},
    {"layer,device,position,pinned\nu,B,1,1\nw,A,0,0\nv,B,1,1\n",
     "a.csv:4: position: \"1\" is there twice on its device\n"},
    {"layer,device,position,pinned\nu,B,-1,1\nw,A,0,0\nv,B,0,1\n",
     "a.csv:2: position: \"-1\" is no place in a device's order\n"},
    {"layer,device,position,pinned\nu,B,0,yes\nw,A,0,0\nv,B,1,1\n", "a.csv:2: pinned: \"yes\" is neither 0 nor 1\n"},
    {"layer,device,position,pinned,start_s,end_s\nu,B,0,1,0,1\nw,A,0,0,nan,3\nv,B,1,1,2.5,3\n",
     "a.csv:3: start_s: \"nan\" is no finite number\n"},
};

static void test_answers(void **state) {
  (void)state;
  struct placement_problem p;
  struct error error;
  assert_true(parse(good, &p, &error));
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    struct placement_claim claim;
    memset(&error, 0, sizeof error);
    const bool fine =
        placement_parse_answer(&p, "a.csv", answers[i].text, strlen(answers[i].text), &arena, &claim, &error);
    assert_int_equal(fine, answers[i].message == NULL);
    if (!fine) assert_string_equal(error.text, answers[i].message);
    if (!fine) continue;
    assert_true(claim.answer.start[1] == 1 && claim.answer.start[2] == 3 && claim.answer.layer[0] == 2);
    assert_true(claim.answer.layer[1] == 0 && claim.answer.layer[2] == 1);
    assert_true(claim.answer.pinned[0] && claim.answer.pinned[1] && !claim.answer.pinned[2]);
    assert_int_equal(claim.start_s != NULL, i == 1);
    if (i == 1) assert_true(claim.start_s[1] == 2.5 && claim.end_s[2] == 3 && isnan(claim.makespan_s));
  }
}

static const struct {
  const char *text, *message;
} flows[] = {
    {"layer,what,edge,device,start_s,end_s,bytes\nv,input,u,B,0.5,2,23\nu,output,,A,0,0.5,85\n", ""},
    {"layer,what,edge,device,start_s,end_s\nv,input,u,B,0.5,2\n", ":1: bytes: this column is missing\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nx,input,u,B,0.5,2,23\n",
     ":2: layer: \"x\" is no layer of the problem\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nv,input,u,C,0.5,2,23\n",
     ":2: device: \"C\" is no device of the problem\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nv,inputs,u,B,0.5,2,23\n",
     ":2: what: \"inputs\" is none of weight, input, output\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nv,input,w,B,0.5,2,23\n",
     ":2: edge: \"w\" is no layer that this one reads from\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nv,input,u,B,x,2,23\n", ":2: start_s: \"x\" is no finite number\n"},
    {"layer,what,edge,device,start_s,end_s,bytes\nv,input,u,B,0.5,2,-1\n", ":2: bytes: \"-1\" is no whole number\n"},
};

static void test_flows(void **state) {
  (void)state;
  char folder[] = "/tmp/dse-placement-XXXXXX";
  struct placement_problem p;
  struct placement_claim claim = {.makespan_s = NAN};
  struct error error;
  assert_non_null(mkdtemp(folder));
  assert_true(parse(good, &p, &error));
  const char *path = arena_printf(&arena, "%s/f.csv", folder);
  for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
    put(folder, "f.csv", flows[i].text);
    memset(&error, 0, sizeof error);
    assert_int_equal(placement_read_flows(&p, path, &arena, &claim, &error), i == 0);
    assert_string_equal(error.text, i == 0 ? "" : arena_printf(&arena, "%s%s", path, flows[i].message));
    if (i == 0) assert_true(claim.n_flows == 2 && claim.flows[0].edge == 0 && claim.flows[1].edge == PLACEMENT_NONE);
    if (i == 0) assert_true(claim.flows[1].what == PLACEMENT_FLOW_OUTPUT && claim.flows[1].bytes == 85);
  }
  unlink(path);
  assert_int_equal(rmdir(folder), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_good, setup, teardown),
      cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
      cmocka_unit_test_setup_teardown(test_slips, setup, teardown),
      cmocka_unit_test_setup_teardown(test_more, setup, teardown),
      cmocka_unit_test_setup_teardown(test_files, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flows, setup, teardown),
  };
  return cmocka_run_group_tests_name("placement_read", tests, NULL, NULL);
}

/* Do placement's rules give what the paper gives by hand, are answers told apart, and does the judge name each
 * violation with its size? Random instances are in tests/property, published values in tests/golden. */
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

#include <cmocka.h>

/* A problem from its parts of the JSON; columns of layers: layer, weight, input and output bytes, group. */
static struct placement_problem make(const char *settings, const char *devices, const char *layers, const char *edges,
                                     const char *costs) {
  const char *text = arena_printf(
      &arena,
      "{\"format\":\"dse.placement/1\",%s,\"devices\":[%s],\"layers\":{\"columns\":[\"layer\",\"weight_bytes\","
      "\"input_bytes\",\"output_bytes\",\"group\"],\"rows\":[%s]},\"edges\":{\"columns\":[\"from\",\"to\",\"bytes\","
      "\"transfer_s\"],\"rows\":[%s]},\"costs\":{\"columns\":[\"layer\",\"class\",\"compute_s\"%s]}}",
      settings, devices, layers, edges, costs);
  struct placement_problem problem;
  struct error error = {0};
  if (!placement_parse("made", text, strlen(text), &arena, &problem, &error)) fail_msg("%s", error.text);
  return problem;
}

/* Layer numbers of each device in its order, devices apart by a bar; in brackets: pinned. "(0)1|2" */
static struct placement_answer answer_of(const struct placement_problem *problem, const char *text) {
  struct placement_answer answer = placement_answer_new(problem, &arena);
  size_t n = 0, d = 0;
  bool pinned = false;
  for (; *text != 0; text++) {
    if (*text == '(') pinned = true;
    if (*text == ')') pinned = false;
    if (*text == '|') answer.start[++d] = (uint32_t)n;
    if (*text < '0' || *text > '9') continue;
    answer.layer[n++] = (uint32_t)(*text - '0');
    answer.pinned[*text - '0'] = pinned;
  }
  while (d < problem->n_devices) answer.start[++d] = (uint32_t)n;
  assert_int_equal(n, problem->n_layers);
  return answer;
}

static double makespan_of(const struct placement_problem *problem, const char *text,
                          struct placement_schedule *schedule) {
  const struct placement_answer answer = answer_of(problem, text);
  *schedule = placement_schedule_new(problem, &arena);
  placement_evaluate(problem, &answer, &scratch, schedule);
  return schedule->makespan_s;
}

static void expect(double value, double wanted) {
  if (fabs(value - wanted) <= 1e-12 * fabs(wanted)) return;
  fail_msg("%.17g was expected, it is %.17g", wanted, value);
}

/* --- serial ---------------------------------------------------------------------------------------------------------
 */

static const char two[] = "{\"name\":\"A\",\"link_bytes_per_s\":10,\"active_w\":2,\"idle_w\":1},"
                          "{\"name\":\"B\",\"link_bytes_per_s\":20,\"active_w\":3,\"idle_w\":1}";
static const char three_layers[] = "[\"u\",100,40,60,null],[\"v\",200,50,20,null],[\"w\",0,30,10,null]";
static const char both[] =
    "],\"rows\":[[\"u\",\"A\",1],[\"u\",\"B\",2],[\"v\",\"A\",3],[\"v\",\"B\",4],[\"w\",\"A\",5],"
    "[\"w\",\"B\",6]";
static const char with_energy[] = ",\"energy_j\"],\"rows\":[[\"u\",\"A\",1,10],[\"u\",\"B\",2,20],[\"v\",\"A\",3,30],"
                                  "[\"v\",\"B\",4,40],[\"w\",\"A\",5,50],[\"w\",\"B\",6,60]";

static void test_serial(void **state) {
  (void)state;
  struct placement_schedule s;
  struct placement_problem p =
      make("\"memory\":\"pin\"", two, three_layers, "[\"u\",\"v\",50,null],[\"v\",\"w\",0,null]", both);
  assert_true(p.plain);
  /* u: 1 + (100 + 40 + 0)/10, v: 3 + (0 + 0 + 20)/10, w: 5 + (30 + 10)/10: an edge of nothing joins nothing. */
  expect(makespan_of(&p, "0(1)2", &s), 15 + 5 + 9);
  expect(s.energy_j, 2 * 29.0);
  expect(s.period_s, 29);
  expect(s.compute_s, 9);
  expect(s.communication_s, 20);
  expect(s.start_s[1], 15);
  expect(s.end_s[1], 20);
  /* u writes 60 too: 1 + 200/10 = 21; v on B pays 4 + (200 + 50 + 20)/20; w on A waits for it, 5 + 4. */
  expect(makespan_of(&p, "02|1", &s), 21 + 17.5 + 9);
  expect(s.energy_j, 2 * 30 + 3 * 17.5);
  expect(s.period_s, 30);
  p.host.out_bytes_per_s = 5; /* 140 + 250 + 30 out of the host for each input */
  makespan_of(&p, "02|1", &s);
  expect(s.period_s, 84);
  /* An order that goes in a circle, and one that does not. */
  assert_true(isinf(makespan_of(&p, "10|2", &s)));
  assert_true(isinf(makespan_of(&p, "20|1", &s)));
  assert_true(isfinite(makespan_of(&p, "01|2", &s)));
}

static void test_energy(void **state) {
  (void)state;
  struct placement_schedule s;
  struct placement_problem p = make("\"objective\":\"energy\",\"host\":{\"transfer_j_per_byte\":0.5}", two,
                                    three_layers, "[\"u\",\"v\",50,null],[\"v\",\"w\",0,null]", with_energy);
  /* As in test_serial: 47.5 s, A busy for 30, B for 17.5; bytes 200 + 270 + 40. */
  const struct placement_answer answer = answer_of(&p, "02|1");
  s = placement_schedule_new(&p, &arena);
  expect(placement_evaluate(&p, &answer, &scratch, &s), 10 + 40 + 50 + 17.5 + 30 + 255);
  expect(s.energy_j, 402.5);
  expect(placement_evaluate(&p, &answer, &scratch, NULL), 402.5);
}

/* Latency once a transfer; links past the host; times that are given; the host as a device. */
static void test_transfers(void **state) {
  (void)state;
  static const char slow[] = "{\"name\":\"A\",\"link_bytes_per_s\":10,\"link_latency_s\":0.25},"
                             "{\"name\":\"B\",\"link_bytes_per_s\":20,\"link_latency_s\":0.5}";
  static const char edges[] = "[\"u\",\"v\",50,null],[\"v\",\"w\",30,null]";
  struct placement_schedule s;
  struct placement_problem p = make("\"timing\":\"serial\"", slow, three_layers, edges, both);
  /* A: 3 transfers of u, 1 of w (inputs are v's, through the host, and nothing else) and its output. */
  expect(makespan_of(&p, "02|1", &s), (21 + 3 * 0.25) + (17.5 + 3 * 0.5) + (9 + 2 * 0.25));
  p = make("\"links\":[{\"from\":\"A\",\"to\":\"B\",\"bytes_per_s\":100,\"latency_s\":2}]", two, three_layers, edges,
           both);
  /* u writes nothing: 1 + 140/10; v reads 50 at 100 with 2 s, 200 + 20 at 20. */
  expect(makespan_of(&p, "02|1", &s), 15 + (4 + 2.5 + 11) + 9);
  p = make("\"timing\":\"serial\"", two, three_layers, "[\"u\",\"v\",50,0.125],[\"v\",\"w\",30,null]", both);
  /* 0.125 s for writing and again for reading. */
  expect(makespan_of(&p, "02|1", &s), (1 + 14 + 0.125) + (4 + 10 + 0.125 + 1) + 9);
  p = make("\"timing\":\"serial\"",
           "{\"name\":\"A\",\"link_bytes_per_s\":10},{\"name\":\"B\",\"host\":true,\"link_bytes_per_s\":20}",
           three_layers, edges, both);
  expect(makespan_of(&p, "02|1", &s), 21 + 4 + 9);
}

/* Two readers on one device: under `cut` only the first pays. */
static void test_cut(void **state) {
  (void)state;
  struct placement_schedule s;
  struct placement_problem p = make("\"transfers\":\"cut\",\"memory\":\"none\"", two, three_layers,
                                    "[\"u\",\"v\",50,null],[\"u\",\"w\",30,null]", both);
  expect(makespan_of(&p, "0|12", &s), (1 + 5) + (4 + 2.5) + 6);
  expect(s.period_s, 12.5);
  expect(makespan_of(&p, "0|21", &s), (1 + 5) + (6 + 2.5) + 4);
  expect(makespan_of(&p, "012", &s), 9);
  p = make("\"preset\":\"star\"", "{\"name\":\"A\"},{\"name\":\"B\",\"host\":true}", three_layers,
           "[\"u\",\"v\",0,1.5],[\"u\",\"w\",0,1.5]", both);
  /* The host pays computation alone. */
  expect(makespan_of(&p, "0|12", &s), 2.5 + 4 + 6);
  expect(s.period_s, 10);
  expect(makespan_of(&p, "12|0", &s), 2 + 4.5 + 5);
  expect(s.period_s, 9.5);
  assert_true(isinf(makespan_of(&p, "02|1", &s)) == false); /* B follows A */
  p = make("\"preset\":\"star\"", "{\"name\":\"A\"},{\"name\":\"B\",\"host\":true}", three_layers,
           "[\"u\",\"v\",0,1.5],[\"v\",\"w\",0,1.5]", both);
  assert_true(isinf(makespan_of(&p, "02|1", &s))); /* A feeds B, and B feeds A: no pieces of a chain */
}

static void test_limits(void **state) {
  (void)state;
  struct placement_schedule s;
  static const char edge[] = "[\"u\",\"v\",50,null]";
  struct placement_problem p =
      make("\"granule_bytes\":100,\"memory\":\"pin\"", "{\"name\":\"A\",\"dram_bytes\":400},{\"name\":\"B\"}",
           "[\"u\",101,0,0,\"g\"],[\"v\",100,0,0,\"g\"],[\"w\",100,0,0,null]", edge, both);
  assert_true(p.pin_granules[0] == 2 && p.weight_granules[0] == 2);
  assert_true(isfinite(makespan_of(&p, "(0)12|", &s)));
  assert_true(isfinite(makespan_of(&p, "0(12)|", &s)));
  assert_true(isinf(makespan_of(&p, "(01)2|", &s)));
  assert_true(isfinite(makespan_of(&p, "2|(01)", &s)));
  assert_true(isinf(makespan_of(&p, "0|12", &s))); /* a group apart */
  p.memory = PLACEMENT_HARD;
  assert_true(isfinite(makespan_of(&p, "01|2", &s)));
  p = make("\"memory\":\"hard\"", "{\"name\":\"A\",\"dram_bytes\":300},{\"name\":\"B\"}",
           "[\"u\",101,0,0,null],[\"v\",100,0,0,null],[\"w\",100,0,0,null]", edge, both);
  assert_true(isinf(makespan_of(&p, "012|", &s)));
  assert_true(isfinite(makespan_of(&p, "01|2", &s)));
  p = make("\"memory\":\"none\"", two, three_layers, edge,
           "],\"rows\":[[\"u\",\"A\",1],[\"v\",\"B\",2],[\"w\",\"B\",3]");
  assert_true(isinf(makespan_of(&p, "01|2", &s))); /* v cannot run there */
  assert_true(isfinite(makespan_of(&p, "0|12", &s)));
}

/* --- delay and contention -------------------------------------------------------------------------------------------
 */

static void test_delay(void **state) {
  (void)state;
  struct placement_schedule s;
  struct placement_problem p =
      make("\"preset\":\"delay\"", two, three_layers, "[\"u\",\"v\",50,null],[\"u\",\"w\",30,2.5]", both);
  expect(makespan_of(&p, "0|12", &s), 1 + 50 / 10.0 + 50 / 20.0 + 4 + 6); /* written, then read */
  expect(s.start_s[1], 8.5);
  expect(makespan_of(&p, "0|21", &s), 1 + 2.5 + 6 + 4);
  expect(s.communication_s, 7.5 + 2.5);
  expect(s.energy_j, 2 * 1 + 3 * 10);
  p = make("\"preset\":\"delay\",\"links\":[{\"from\":\"A\",\"to\":\"B\",\"bytes_per_s\":100,\"latency_s\":2}]", two,
           three_layers, "[\"u\",\"v\",50,null],[\"u\",\"w\",30,2.5]", both);
  expect(makespan_of(&p, "0|12", &s), 1 + 2.5 + 4 + 6);
  expect(makespan_of(&p, "12|0", &s), 2 + 50 / 20.0 + 50 / 10.0 + 3 + 5);
}

static void test_residency(void **state) {
  (void)state;
  struct placement_schedule s;
  static const char edges[] = "[\"u\",\"v\",10,null],[\"u\",\"w\",10,null]";
  static const char layers[] = "[\"u\",0,0,100,null],[\"v\",0,10,50,null],[\"w\",0,10,0,null]";
  static const char *const drams[] = {"150", "149", "99"};
  /* Room for u's 100 beside v's 50; for u's alone, up to v; for none. Nobody reads v: it stays nowhere and is written.
   */
  static const size_t n_flows[] = {1, 1, 4};
  for (size_t i = 0; i < 3; i++) {
    const char *device =
        arena_printf(&arena, "{\"name\":\"A\",\"dram_bytes\":%s,\"link_bytes_per_s\":100},{\"name\":\"B\"}", drams[i]);
    const struct placement_problem p =
        make("\"timing\":\"contention\",\"granule_bytes\":1", device, layers, edges, both);
    makespan_of(&p, "012|", &s);
    assert_int_equal(s.n_flows, n_flows[i]);
  }
  /* v's 50 stay for x: with 149 bytes that is too much while u's 100 stay for w. */
  for (size_t i = 0; i < 2; i++) {
    const char *device = arena_printf(&arena, "{\"name\":\"A\",\"dram_bytes\":%s,\"link_bytes_per_s\":100}", drams[i]);
    const struct placement_problem p =
        make("\"timing\":\"contention\",\"granule_bytes\":1", device,
             "[\"u\",0,0,100,null],[\"v\",0,0,50,null],[\"w\",0,10,0,null],[\"x\",0,10,0,null]",
             "[\"u\",\"w\",10,null],[\"v\",\"x\",10,null]",
             "],\"rows\":[[\"u\",\"A\",1],[\"v\",\"A\",1],[\"w\",\"A\",1],[\"x\",\"A\",1]");
    makespan_of(&p, "0123", &s);
    assert_int_equal(s.n_flows, i == 0 ? 0 : 2);
    if (i == 0) continue;
    assert_true(s.flows[0].what == PLACEMENT_FLOW_OUTPUT && s.flows[0].layer == 1 && s.flows[0].start_s == 2);
    assert_true(s.flows[1].what == PLACEMENT_FLOW_INPUT && s.flows[1].layer == 3 && s.flows[1].edge == 1);
    assert_true(s.flows[1].start_s == 2.5 && s.flows[1].bytes == 10);
  }
}

/* How far ahead reads may go, and one channel for both ways. */
static void test_channels(void **state) {
  (void)state;
  static const char device[] = "{\"name\":\"A\",\"link_bytes_per_s\":100}";
  static const char layers[] = "[\"u\",0,100,100,null],[\"v\",0,300,100,null],[\"w\",0,300,100,null]";
  static const char costs[] = "],\"rows\":[[\"u\",\"A\",1],[\"v\",\"A\",1],[\"w\",\"A\",1]";
  struct placement_schedule s;
  struct placement_problem p = make("\"timing\":\"contention\"", device, layers, "", costs);
  /* Reads 0-1, 1-4, and w's once u has computed (2): 4-7; computes 1-2, 4-5, 7-8; writes until 9. */
  expect(makespan_of(&p, "(012)", &s), 9);
  assert_true(s.start_s[1] == 4 && s.start_s[2] == 7);
  expect(s.period_s, 7);
  p.host.half_duplex = true;
  /* Reads 0-1, 1-4; u's write was ready at 2, goes at 4-5; v's write, ready at 5 like w's read, 5-6; 6-9; w's 10-11. */
  expect(makespan_of(&p, "(012)", &s), 11);
  assert_true(s.start_s[2] == 9);
  expect(s.period_s, 10);
  p.host.prefetch_layers = 0;
  expect(makespan_of(&p, "(012)", &s), 3 + 4 + 4 + 2);
  p = make("\"timing\":\"contention\",\"host\":{\"prefetch_layers\":1}",
           "{\"name\":\"A\",\"link_bytes_per_s\":100,\"link_latency_s\":0.5}", layers, "", costs);
  /* Latency before each: reads 0.5-1.5, 2-5, 5.5-8.5; write 9.5 + 0.5 + 1. */
  expect(makespan_of(&p, "(012)", &s), 11);
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static void test_answers(void **state) {
  (void)state;
  struct placement_problem p =
      make("\"memory\":\"pin\"", "{\"name\":\"A\",\"dram_bytes\":16},{\"name\":\"B\",\"dram_bytes\":0}",
           "[\"u\",4,0,0,null],[\"v\",4,0,0,null],[\"w\",4,0,0,null]", "", both);
  struct placement_answer a = answer_of(&p, "012|"), b = placement_answer_new(&p, &arena);
  placement_pin(&p, &scratch, &a); /* cap 8, sizes 4, 4, 4: the first two (placement §4) */
  assert_true(a.pinned[0] && a.pinned[1] && !a.pinned[2]);
  placement_answer_copy(&p, &a, &b);
  assert_int_equal(placement_compare(&p, &a, &b), 0);
  b.pinned[1] = false;
  assert_true(placement_compare(&p, &a, &b) < 0 && placement_compare(&p, &b, &a) > 0);
  const struct placement_answer c = answer_of(&p, "021|"), d = answer_of(&p, "01|2");
  assert_true(placement_compare(&p, &a, &c) < 0 && placement_compare(&p, &c, &a) > 0);
  assert_true(placement_compare(&p, &c, &d) < 0 && placement_compare(&p, &d, &c) > 0);
  a = answer_of(&p, "2|10");
  placement_pin(&p, &scratch, &a); /* nothing fits B */
  assert_true(!a.pinned[0] && !a.pinned[1] && a.pinned[2]);
  p.memory = PLACEMENT_UNLIMITED;
  placement_pin(&p, &scratch, &a);
  assert_true(a.pinned[0] && a.pinned[1] && a.pinned[2]);
  /* Capacities of many granules: 2^40 bytes, of which two layers fill one half each. */
  p = make("\"memory\":\"pin\"", "{\"name\":\"A\",\"dram_bytes\":2199023255552},{\"name\":\"B\"}",
           "[\"u\",549755813888,0,0,null],[\"v\",700000000001,0,0,null],[\"w\",549755813888,0,0,null]", "", both);
  a = answer_of(&p, "012|");
  placement_pin(&p, &scratch, &a);
  assert_true(a.pinned[0] && !a.pinned[1] && a.pinned[2]);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static void expect_verdict(const struct placement_problem *problem, const struct placement_claim *claim,
                           const char *message) {
  struct error error = {0};
  struct placement_schedule truth = placement_schedule_new(problem, &arena);
  const bool fine = placement_check(problem, claim, &arena, &truth, &error);
  assert_string_equal(error.text, message);
  assert_int_equal(fine, *message == 0);
}

static struct placement_claim claim_of(const struct placement_problem *problem, const char *text) {
  return (struct placement_claim){.answer = answer_of(problem, text), .makespan_s = NAN};
}

static void test_judge_places(void **state) {
  (void)state;
  struct placement_problem p =
      make("\"granule_bytes\":100,\"memory\":\"pin\"", "{\"name\":\"A\",\"dram_bytes\":400},{\"name\":\"B\"}",
           "[\"u\",101,0,0,\"g\"],[\"v\",100,0,0,\"g\"],[\"w\",100,0,0,null]",
           "[\"u\",\"v\",50,null],[\"v\",\"w\",50,null]", both);
  struct placement_claim claim = claim_of(&p, "(01)2|");
  expect_verdict(&p, &claim, "pins A 1 granules too many: 3 of 2\n");
  claim = claim_of(&p, "0|12");
  expect_verdict(&p, &claim, "group: u is on A, v on B\n");
  claim = claim_of(&p, "102|");
  expect_verdict(&p, &claim, "order: layers wait for each other in a circle, so some never start\n");
  p.timing = PLACEMENT_CONTENTION;
  expect_verdict(&p, &claim, "order: layers wait for each other in a circle, so some never start\n");
  claim = claim_of(&p, "0|12");
  claim.answer.layer[1] = 0;
  expect_verdict(&p, &claim, "places: u stands twice\nplaces: v stands nowhere\n");
  claim.answer.layer[1] = 7;
  expect_verdict(&p, &claim, "places: layer 7 of 3\n");
  claim.answer.start[1] = 4;
  expect_verdict(&p, &claim, "places: the devices' orders do not hold all layers\n");
  p = make("\"memory\":\"hard\"", "{\"name\":\"A\",\"dram_bytes\":300},{\"name\":\"B\"}",
           "[\"u\",101,0,0,null],[\"v\",100,0,0,null],[\"w\",100,0,0,null]", "",
           "],\"rows\":[[\"u\",\"A\",1],[\"v\",\"A\",2],[\"w\",\"A\",3],[\"w\",\"B\",3]");
  claim = claim_of(&p, "012|");
  expect_verdict(&p, &claim, "memory A 1 bytes too many: 301 of 300\n");
  claim = claim_of(&p, "02|1");
  expect_verdict(&p, &claim, "device: v cannot run on B\n");
  p = make("\"preset\":\"star\"", "{\"name\":\"A\"},{\"name\":\"B\"}", three_layers,
           "[\"u\",\"v\",0,1.5],[\"v\",\"w\",0,1.5]", both);
  claim = claim_of(&p, "02|1");
  expect_verdict(&p, &claim, "contiguous: A and others feed each other in a circle\n");
}

static void test_judge_times(void **state) {
  (void)state;
  struct placement_problem p =
      make("\"memory\":\"none\"", two, three_layers, "[\"u\",\"v\",50,null],[\"v\",\"w\",0,null]", both);
  struct placement_claim claim = claim_of(&p, "02|1");
  struct placement_schedule s;
  makespan_of(&p, "02|1", &s); /* u 0 to 11, v to 18.5, w to 27.5 */
  claim.start_s = s.start_s, claim.end_s = s.end_s, claim.makespan_s = 27.5;
  expect_verdict(&p, &claim, "");
  claim.makespan_s = 27;
  expect_verdict(&p, &claim, "makespan -0.5 s: 27 s are claimed, it is 27.5 s\n");
  claim.makespan_s = NAN;
  s.start_s[1] -= 2, s.end_s[1] -= 2;
  expect_verdict(&p, &claim, "precedence u>v 2 s\n");
  s.start_s[1] += 2;
  expect_verdict(&p, &claim, "duration v -2 s: 5.5 s are claimed, it takes 7.5 s\n");
  s.end_s[1] += 2;
  s.start_s[2] = 10, s.end_s[2] = 19;
  expect_verdict(&p, &claim, "precedence v>w 8.5 s\noverlap u>w 1 s\n");
  s.start_s[2] = 100, s.end_s[2] = 109; /* later than need be */
  expect_verdict(&p, &claim, "");
  s.start_s[0] = -1, s.end_s[0] = 10;
  expect_verdict(&p, &claim, "start u -1 s\n");
  claim = claim_of(&p, "01|2");
  makespan_of(&p, "01|2", &s);
  claim.start_s = s.start_s, claim.end_s = s.end_s;
  s.start_s[1] -= 0.5, s.end_s[1] -= 0.5;
  expect_verdict(&p, &claim, "precedence u>v 0.5 s\n"); /* neighbours on a device: said once */
}

static void test_judge_flows(void **state) {
  (void)state;
  static const char device[] = "{\"name\":\"A\",\"link_bytes_per_s\":100}";
  static const char layers[] = "[\"u\",0,100,100,null],[\"v\",0,300,100,null]";
  const struct placement_problem p =
      make("\"timing\":\"contention\",\"memory\":\"none\",\"host\":{\"out_bytes_per_s\":50}", device, layers, "",
           "],\"rows\":[[\"u\",\"A\",1],[\"v\",\"A\",1]");
  struct placement_claim claim = claim_of(&p, "01");
  struct placement_schedule s;
  makespan_of(&p, "01", &s); /* reads 0-2, 2-8; computes 2-3, 8-9; writes 3-4, 9-10 */
  claim.start_s = s.start_s, claim.end_s = s.end_s, claim.makespan_s = 10;
  claim.flows = s.flows, claim.n_flows = s.n_flows;
  expect_verdict(&p, &claim, "");
  claim.n_flows = 3;
  expect_verdict(&p, &claim, "missing output of v 100 bytes\n");
  claim.n_flows = 4;
  assert_true(s.flows[0].end_s == 2 && s.flows[2].layer == 1 && s.flows[2].what == PLACEMENT_FLOW_INPUT);
  s.flows[2].bytes = 299;
  expect_verdict(&p, &claim, "bytes input of v -1 bytes, or on another device\n");
  s.flows[2].bytes = 300;
  s.flows[2].end_s = 4.5;
  expect_verdict(&p, &claim, "rate input of v 0.5 s faster than its link\n");
  s.flows[2].end_s = 7;
  expect_verdict(&p, &claim, "rate input of v 1 s off what the host's fair share and the order make of it\n");
  s.flows[2].start_s = 1.5, s.flows[2].end_s = 8;
  expect_verdict(&p, &claim,
                 "channel input of v 0.5 s before the one ahead has ended\n"
                 "rate input of v 0.5 s off what the host's fair share and the order make of it\n");
  s.flows[2].start_s = 2;
  s.flows[3] = s.flows[1];
  expect_verdict(&p, &claim,
                 "transfer 4 of the claim: there is no such one, or it is there twice\n"
                 "missing output of v 100 bytes\n");
  claim.flows = NULL;
  s.start_s[1] += 1, s.end_s[1] += 1;
  expect_verdict(&p, &claim, "start v 1 s: by rates and order it is at 8 s\n");
}

/* What no file can hold: problems made in memory. */
static void test_finish(void **state) {
  (void)state;
  static const struct placement_device device = {.name = "A", .class_name = "A", .link_bytes_per_s = 1};
  const struct placement_edge edge = {0, 5, 1, NAN};
  const double compute_s = -1;
  const uint64_t bytes = UINT64_C(1) << 54;
  const uint32_t kind = 0, group = 3;
  struct placement_problem good = {.name = "m",
                                   .granule_bytes = 1,
                                   .n_devices = 1,
                                   .n_layers = 1,
                                   .devices = &device,
                                   .host = {INFINITY, INFINITY, 0, 0, false},
                                   .layer_names = (const char *const[]){"u"},
                                   .kinds = (const char *const[]){""},
                                   .kind = &kind,
                                   .weight_bytes = (const uint64_t[]){0},
                                   .input_bytes = (const uint64_t[]){0},
                                   .output_bytes = (const uint64_t[]){0},
                                   .edges = &edge,
                                   .compute_s = (const double[]){1}};
  struct placement_problem bad[10];
  static const char *const messages[] = {
      "m: 0 layers: 1 to 131072 are allowed\nm: 2000 devices: 1 to 1024 are allowed\n"
      "m: 2000000 edges: at most 1048576 are allowed\nm: granule_bytes 0: at least 1 is allowed\n",
      "m: host: 0 bytes/s out, inf in: numbers above 0 are allowed\n",
      "m: host: transfer_j_per_byte -1: a finite number of at least 0 is allowed\n",
      "m: edge 0 from layer 0 to 5: there are 1\n",
      "m: layer \"u\": more than 2^53 bytes, which is the most\n",
      "m: layer \"u\": compute_s -1 on \"A\": finite numbers of at least 0 are allowed\n",
      "m: layer \"u\": group 3: there are 0\n",
      "m: device \"B\": pin_share 2: 0 to 1 is allowed\nm: device \"B\": link_bytes_per_s 0: a number above 0 is "
      "allowed\nm: device \"B\": link_latency_s -1, active_w 0, idle_w inf: finite numbers of at least 0 are allowed\n",
      "m: link \"A\" to \"A\": -1 bytes/s, latency 0 s: numbers of at least 0 are allowed\n",
      "m: edge \"u\" to \"u\": more than 2^53 bytes, which is the most\nm: edge \"u\" to \"u\": transfer_s: a finite "
      "number of at least 0 is allowed\nm: edge \"u\" to \"u\": a layer cannot wait for itself\n",
  };
  static const struct placement_device odd = {
      .name = "B", .class_name = "B", .pin_share = 2, .link_latency_s = -1, .idle_w = INFINITY};
  const struct placement_edge loop = {0, 0, UINT64_C(1) << 54, -1};
  for (size_t i = 0; i < 10; i++) bad[i] = good;
  bad[0].n_layers = 0, bad[0].n_devices = 2000, bad[0].n_edges = 2000000, bad[0].granule_bytes = 0;
  bad[1].host.out_bytes_per_s = 0;
  bad[2].host.transfer_j_per_byte = -1;
  bad[3].n_edges = 1;
  bad[4].weight_bytes = &bytes;
  bad[5].compute_s = &compute_s;
  bad[6].group = &group;
  bad[7].devices = &odd;
  bad[8].mesh_bytes_per_s = &compute_s, bad[8].mesh_latency_s = (const double[]){0};
  bad[9].edges = &loop, bad[9].n_edges = 1;
  struct error error = {0};
  assert_true(placement_finish(&good, &arena, &error));
  for (size_t i = 0; i < 10; i++) {
    memset(&error, 0, sizeof error);
    assert_false(placement_finish(&bad[i], &arena, &error));
    assert_string_equal(error.text, messages[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_serial, setup, teardown),
      cmocka_unit_test_setup_teardown(test_energy, setup, teardown),
      cmocka_unit_test_setup_teardown(test_transfers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
      cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
      cmocka_unit_test_setup_teardown(test_residency, setup, teardown),
      cmocka_unit_test_setup_teardown(test_channels, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_judge_places, setup, teardown),
      cmocka_unit_test_setup_teardown(test_judge_times, setup, teardown),
      cmocka_unit_test_setup_teardown(test_judge_flows, setup, teardown),
      cmocka_unit_test_setup_teardown(test_finish, setup, teardown),
  };
  return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}

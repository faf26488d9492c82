/* When does what end if devices overlap loading, computing and storing, and share the host? (placement §3.4)
 *
 * Every device has a compute engine, a channel that reads and one that writes (one for both if `half` duplex: of
 * what is ready, writes go before reads). The host's two directions are shared by max-min fair rates, found anew
 * whenever a transfer starts or ends. Events are found by looking at all engines: as many steps as events times
 * devices. A transfer between two devices past the host has its link to itself; one with a given time just takes it.
 * Latency delays the first byte and keeps the next transfer of the channel waiting, but takes no part of the host's
 * rate.
 *
 * With prefetch_layers = 0 a layer opens when the one before on its device has stored and all that it waits for has
 * ended; otherwise transfers and precedence are looked at one by one. Left out: pre-emption. */
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

enum direction { OUT, IN, N_DIRECTIONS }; /* of the host */

struct channel {
  uint32_t move;  /* that is under way; PLACEMENT_NONE: none */
  uint32_t layer; /* for which */
  bool waits;     /* for its first byte, until finish_s */
  bool shares;    /* the host's rate */
  double begin_s, finish_s;
  double bytes_per_s, left_bytes; /* of a transfer that shares: its rate, 0 before it has one */
};

struct device {
  struct channel read, write;
  uint32_t next_read, end_read;       /* moves */
  uint32_t first, n;                  /* layers in the answer */
  uint32_t n_computed;                /* places whose computation has ended */
  uint32_t next_write;                /* place that stores next */
  bool computes;                      /* place n_computed */
  double compute_end_s, busy_since_s; /* busy: anything is under way */
  uint32_t n_busy;
};

struct state {
  const struct placement_problem *problem;
  const struct placement_answer *answer;
  struct placement_run *run;
  struct arena *scratch;
  struct placement_routes routes;
  struct device *devices;
  struct placement_move *moves; /* reads, device by device in their order, then writes */
  uint32_t *layer_of;           /* [moves] */
  uint32_t *write_of, *n_reads; /* [n_layers] a move or PLACEMENT_NONE; reads that have not ended */
  uint32_t *n_waits;            /* [n_layers] edges in that are not satisfied */
  bool *computed, *done;        /* [n_layers] done: what it made is at the host, or needs not be */
  bool changed[N_DIRECTIONS];
  double now_s;
  size_t n_moves, n_finished;
};

/* --- what there is to do --------------------------------------------------------------------------------------------
 */

static bool list_moves(struct state *s) {
  const struct placement_problem *p = s->problem;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    struct device *device = &s->devices[d];
    device->first = s->answer->start[d], device->n = s->answer->start[d + 1] - device->first;
    device->read.move = device->write.move = PLACEMENT_NONE;
    device->next_read = (uint32_t)s->n_moves;
    for (uint32_t i = 0; i < device->n; i++) {
      const uint32_t l = s->answer->layer[device->first + i];
      if (!placement_can_run(p, l, d)) return false;
      s->n_reads[l] = (uint32_t)placement_reads(&s->routes, l, s->moves + s->n_moves);
      for (uint32_t m = 0; m < s->n_reads[l]; m++) s->layer_of[s->n_moves++] = l;
      s->n_waits[l] = p->in_start[l + 1] - p->in_start[l];
    }
    device->end_read = (uint32_t)s->n_moves;
  }
  for (uint32_t l = 0; l < p->n_layers; l++) {
    s->write_of[l] = PLACEMENT_NONE;
    if (!placement_write_back(&s->routes, l, s->moves + s->n_moves)) continue;
    s->layer_of[s->n_moves] = l;
    s->write_of[l] = (uint32_t)s->n_moves++;
  }
  return true;
}

/* Is the edge satisfied when its producer has computed, whether or not it has stored? */
static bool is_early(const struct state *s, const struct placement_edge *edge) {
  const struct placement_problem *p = s->problem;
  if (p->host.prefetch_layers == 0 || (edge->bytes == 0 && !(edge->transfer_s > 0))) return false;
  const uint32_t from = s->routes.device[edge->from], to = s->routes.device[edge->to];
  if (from == to) return s->routes.place[edge->to] <= s->routes.stays_until[edge->from];
  return p->mesh_bytes_per_s != NULL && p->mesh_bytes_per_s[from * p->n_devices + to] > 0;
}

static void satisfy(struct state *s, uint32_t layer, bool early) {
  const struct placement_problem *p = s->problem;
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    if (is_early(s, &p->edges[p->out_edge[i]]) == early) s->n_waits[p->successor[i]]--;
  }
}

static void become_done(struct state *s, uint32_t layer) {
  s->done[layer] = true;
  satisfy(s, layer, false);
}

/* --- busy devices ---------------------------------------------------------------------------------------------------
 */

static void begin(struct state *s, uint32_t d) {
  if (s->devices[d].n_busy++ == 0) s->devices[d].busy_since_s = s->now_s;
}

static void cease(struct state *s, uint32_t d) {
  if (--s->devices[d].n_busy == 0) s->run->busy_s[d] += s->now_s - s->devices[d].busy_since_s;
}

/* --- the host's rates -----------------------------------------------------------------------------------------------
 */

static enum direction direction_of(const struct placement_move *move) {
  return move->what == PLACEMENT_FLOW_OUTPUT ? IN : OUT;
}

static double host_bytes_per_s(const struct state *s, enum direction direction) {
  return direction == OUT ? s->problem->host.out_bytes_per_s : s->problem->host.in_bytes_per_s;
}

static void set_rate(struct state *s, struct channel *channel, double bytes_per_s) {
  if (channel->bytes_per_s >= bytes_per_s && channel->bytes_per_s <= bytes_per_s) return; /* ends as it was to end */
  if (channel->bytes_per_s > 0) channel->left_bytes = (channel->finish_s - s->now_s) * channel->bytes_per_s;
  channel->bytes_per_s = bytes_per_s;
  channel->finish_s = s->now_s + channel->left_bytes / bytes_per_s;
}

/* The level of the water: who may have less than it has that, all others have it. INFINITY: all have what they may. */
static double find_level(const struct state *s, enum direction direction) {
  double level = 0;
  const double room = host_bytes_per_s(s, direction);
  for (size_t n_before = SIZE_MAX;;) {
    double capped = 0; /* rates of those whose own is below the level */
    size_t n = 0;      /* the others */
    for (size_t d = 0; d < s->problem->n_devices; d++) {
      const struct channel *c = direction == OUT ? &s->devices[d].read : &s->devices[d].write;
      if (c->move == PLACEMENT_NONE || !c->shares) continue;
      if (s->moves[c->move].bytes_per_s <= level)
        capped += s->moves[c->move].bytes_per_s;
      else
        n++;
    }
    if (n == 0) return INFINITY;
    if (n == n_before) return level;
    n_before = n;
    level = (room - capped) / (double)n;
  }
}

static void share(struct state *s, enum direction direction) {
  const double level = find_level(s, direction);
  for (size_t d = 0; d < s->problem->n_devices; d++) {
    struct channel *c = direction == OUT ? &s->devices[d].read : &s->devices[d].write;
    if (c->move == PLACEMENT_NONE || !c->shares) continue;
    set_rate(s, c, fmin(s->moves[c->move].bytes_per_s, level));
  }
}

/* --- transfers ------------------------------------------------------------------------------------------------------
 */

/* The first byte. */
static void flow(struct state *s, struct channel *channel) {
  const struct placement_move *move = &s->moves[channel->move];
  channel->waits = false;
  if (!move->direct && isfinite(host_bytes_per_s(s, direction_of(move))) && isnan(move->fixed_s)) {
    channel->shares = true;
    channel->bytes_per_s = 0;
    channel->left_bytes = (double)move->bytes;
    channel->finish_s = INFINITY; /* until it has a rate */
    s->changed[direction_of(move)] = true;
    return;
  }
  channel->finish_s = s->now_s + (isnan(move->fixed_s) ? (double)move->bytes / move->bytes_per_s : move->fixed_s);
}

static void start_move(struct state *s, struct channel *channel, uint32_t move, uint32_t device) {
  *channel = (struct channel){.move = move, .layer = s->layer_of[move], .begin_s = s->now_s};
  begin(s, device);
  if (isnan(s->moves[move].fixed_s) && s->moves[move].latency_s > 0) {
    channel->waits = true;
    channel->finish_s = s->now_s + s->moves[move].latency_s;
    return;
  }
  flow(s, channel);
}

static void keep_flow(struct state *s, const struct channel *channel, uint32_t device) {
  const struct placement_move *move = &s->moves[channel->move];
  s->run->communication_s += s->now_s - channel->begin_s;
  if (!s->run->keep_flows) return;
  struct placement_flow *flow = &s->run->flows[s->run->n_flows++];
  *flow = (struct placement_flow){.layer = channel->layer,
                                  .edge = move->edge,
                                  .device = device,
                                  .start_s = channel->begin_s,
                                  .end_s = s->now_s,
                                  .bytes = move->bytes};
  if (move->what == PLACEMENT_FLOW_WEIGHT) flow->what = PLACEMENT_FLOW_WEIGHT;
  if (move->what == PLACEMENT_FLOW_INPUT) flow->what = PLACEMENT_FLOW_INPUT;
  if (move->what == PLACEMENT_FLOW_OUTPUT) flow->what = PLACEMENT_FLOW_OUTPUT;
}

/* True if the transfer ended. */
static bool end_move(struct state *s, struct channel *channel, uint32_t device) {
  if (channel->move == PLACEMENT_NONE || channel->finish_s > s->now_s) return false;
  if (channel->waits) {
    flow(s, channel);
    return false;
  }
  if (channel->shares) s->changed[direction_of(&s->moves[channel->move])] = true;
  keep_flow(s, channel, device);
  cease(s, device);
  channel->move = PLACEMENT_NONE;
  return true;
}

/* --- a device at an instant -----------------------------------------------------------------------------------------
 */

/* What ends now. */
static void end_all(struct state *s, uint32_t d) {
  struct device *device = &s->devices[d];
  if (end_move(s, &device->read, d)) s->n_reads[device->read.layer]--;
  if (end_move(s, &device->write, d)) become_done(s, device->write.layer);
  if (!device->computes || device->compute_end_s > s->now_s) return;
  const uint32_t l = s->answer->layer[device->first + device->n_computed++];
  device->computes = false;
  s->n_finished++;
  cease(s, d);
  s->computed[l] = true;
  satisfy(s, l, true);
  if (s->write_of[l] == PLACEMENT_NONE) become_done(s, l);
}

/* Strictly serial: may the place begin with anything? */
static bool is_open(const struct state *s, const struct device *device, uint32_t place) {
  const uint32_t *layers = s->answer->layer + device->first;
  return s->n_waits[layers[place]] == 0 && (place == 0 || s->done[layers[place - 1]]);
}

static bool may_read(const struct state *s, uint32_t d) {
  const struct device *device = &s->devices[d];
  if (device->read.move != PLACEMENT_NONE || device->next_read == device->end_read) return false;
  if (s->problem->host.half_duplex && device->write.move != PLACEMENT_NONE) return false;
  const struct placement_move *move = &s->moves[device->next_read];
  const uint32_t l = s->layer_of[device->next_read], place = s->routes.place[l];
  const uint64_t ahead = s->problem->host.prefetch_layers;
  if (place > ahead && device->n_computed < place - ahead) return false;
  if (ahead == 0) return is_open(s, device, place);
  if (move->edge == PLACEMENT_NONE) return true;
  const uint32_t from = s->problem->edges[move->edge].from;
  return move->direct ? s->computed[from] : s->done[from];
}

static bool may_write(struct state *s, uint32_t d) {
  struct device *device = &s->devices[d];
  const uint32_t *layers = s->answer->layer + device->first;
  if (device->write.move != PLACEMENT_NONE) return false;
  while (device->next_write < device->n_computed && s->write_of[layers[device->next_write]] == PLACEMENT_NONE) {
    device->next_write++;
  }
  return device->next_write < device->n_computed &&
         !(s->problem->host.half_duplex && device->read.move != PLACEMENT_NONE);
}

static void start_all(struct state *s, uint32_t d) {
  struct device *device = &s->devices[d];
  const uint32_t *layers = s->answer->layer + device->first;
  if (may_write(s, d)) start_move(s, &device->write, s->write_of[layers[device->next_write++]], d);
  if (may_read(s, d)) start_move(s, &device->read, device->next_read++, d);
  if (device->computes || device->n_computed == device->n) return;
  const uint32_t l = layers[device->n_computed];
  if (s->n_reads[l] > 0 || s->n_waits[l] > 0) return;
  if (s->problem->host.prefetch_layers == 0 && !is_open(s, device, device->n_computed)) return;
  const double compute_s = s->problem->compute_s[placement_at(s->problem, l, d)];
  begin(s, d);
  device->computes = true;
  device->compute_end_s = s->now_s + compute_s;
  s->run->compute_s += compute_s;
  if (s->run->start_s == NULL) return;
  s->run->start_s[l] = s->now_s;
  s->run->end_s[l] = device->compute_end_s;
}

static double next_event_s(const struct state *s) {
  double next_s = INFINITY;
  for (size_t d = 0; d < s->problem->n_devices; d++) {
    const struct device *device = &s->devices[d];
    if (device->read.move != PLACEMENT_NONE) next_s = fmin(next_s, device->read.finish_s);
    if (device->write.move != PLACEMENT_NONE) next_s = fmin(next_s, device->write.finish_s);
    if (device->computes) next_s = fmin(next_s, device->compute_end_s);
  }
  return next_s;
}

static void simulate(struct state *s) {
  const uint32_t n = (uint32_t)s->problem->n_devices;
  while (isfinite(s->now_s)) {
    s->run->makespan_s = s->now_s;
    for (uint32_t d = 0; d < n; d++) end_all(s, d);
    for (uint32_t d = 0; d < n; d++) start_all(s, d);
    for (enum direction way = OUT; way < N_DIRECTIONS; way++) {
      if (s->changed[way]) share(s, way);
      s->changed[way] = false;
    }
    s->now_s = next_event_s(s);
  }
}

/* --- totals ---------------------------------------------------------------------------------------------------------
 */

/* A stream of inputs keeps engines busy side by side, or one after another without prefetching. */
static void find_period(struct state *s) {
  const struct placement_problem *p = s->problem;
  double *load_s[3] = {ARENA_NEW(s->scratch, double, p->n_devices), ARENA_NEW(s->scratch, double, p->n_devices),
                       ARENA_NEW(s->scratch, double, p->n_devices)};
  for (size_t d = 0; d < p->n_devices; d++) {
    for (uint32_t i = s->answer->start[d]; i < s->answer->start[d + 1]; i++) {
      load_s[0][d] += p->compute_s[placement_at(p, s->answer->layer[i], d)];
    }
  }
  const bool strict = p->host.prefetch_layers == 0;
  for (size_t m = 0; m < s->n_moves; m++) {
    const struct placement_move *move = &s->moves[m];
    const bool output = move->what == PLACEMENT_FLOW_OUTPUT, apart = output && !p->host.half_duplex;
    const double latency_s = strict || !isnan(move->fixed_s) ? 0 : move->latency_s;
    load_s[strict ? 0 : apart ? 2 : 1][s->routes.device[s->layer_of[m]]] += placement_move_s(move) - latency_s;
    *(move->direct ? &s->run->direct_bytes : output ? &s->run->in_bytes : &s->run->out_bytes) += move->bytes;
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    s->run->period_s = fmax(s->run->period_s, fmax(load_s[0][d], fmax(load_s[1][d], load_s[2][d])));
  }
  s->run->period_s = fmax(s->run->period_s, placement_host_s(p, s->run));
}

bool placement_run_contention(const struct placement_problem *problem, const struct placement_answer *answer,
                              struct arena *scratch, struct placement_run *run) {
  const size_t n = problem->n_layers, most = placement_most_flows(problem) + 1; /* one to try in */
  struct state s = {.problem = problem,
                    .answer = answer,
                    .run = run,
                    .scratch = scratch,
                    .devices = ARENA_NEW(scratch, struct device, problem->n_devices),
                    .moves = ARENA_NEW(scratch, struct placement_move, most),
                    .layer_of = ARENA_NEW(scratch, uint32_t, most),
                    .write_of = ARENA_NEW(scratch, uint32_t, n),
                    .n_reads = ARENA_NEW(scratch, uint32_t, n),
                    .n_waits = ARENA_NEW(scratch, uint32_t, n),
                    .computed = ARENA_NEW(scratch, bool, n),
                    .done = ARENA_NEW(scratch, bool, n)};
  placement_routes_init(&s.routes, problem, answer, scratch);
  if (!list_moves(&s)) return false;
  simulate(&s);
  if (s.n_finished < n) return false;
  find_period(&s);
  return true;
}

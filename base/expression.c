/* How does a text become steps for a stack machine, and what do they give? See expression.h.
 *
 * Precedence climbing (Richards & Whitby-Strevens 1979) into postfix order. */
#include "base/expression_private.h"

#include "base/error.h"
#include "base/text.h"
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- reading --------------------------------------------------------------------------------------------------------
 */

struct parser {
  const char *at;
  const char *const *names;
  size_t n_names;
  struct step *steps; /* room for a step a byte: each operand and operation takes at least one */
  size_t n_steps;
  unsigned depth, waiting; /* open recursions; operands on the stack */
  char *problem;
};

static bool __attribute__((format(printf, 2, 3))) refuse(struct parser *parser, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(parser->problem, EXPRESSION_PROBLEM_BYTES, format, arguments);
  va_end(arguments);
  return false;
}

static void skip_blanks(struct parser *parser) {
  while (*parser->at != 0 && strchr(" \t\r\n\f", *parser->at)) parser->at++;
}

/* The rest of the text, for messages. */
static const char *shown_rest(const struct parser *parser, char shown[32]) {
  text_escape(parser->at, shown, 32);
  return *parser->at != 0 ? shown : "the end";
}

static bool emit(struct parser *parser, enum operation operation, uint16_t name, double number) {
  parser->steps[parser->n_steps++] = (struct step){number, name, (uint8_t)operation};
  if (operation <= PUSH_NAME && ++parser->waiting > EXPRESSION_MAX_DEPTH) {
    return refuse(parser, "more than %d values wait for one another; compute it in another order",
                  EXPRESSION_MAX_DEPTH);
  }
  if (operation >= ADD) parser->waiting--;
  return true;
}

static bool parse_number(struct parser *parser) {
  char text[48], shown[32];
  const char *end = parser->at;
  while (isdigit((unsigned char)*end) || *end == '.') end++;
  if (*end == 'e' || *end == 'E') {
    end += end[1] == '+' || end[1] == '-' ? 2 : 1;
    while (isdigit((unsigned char)*end)) end++;
  }
  const size_t n = (size_t)(end - parser->at);
  double number = 0;
  if (n < sizeof text) {
    memcpy(text, parser->at, n);
    text[n] = 0;
  }
  if (n >= sizeof text || !text_to_double(text, &number) || isalpha((unsigned char)*end) || *end == '_') {
    return refuse(parser, "%s is no number", shown_rest(parser, shown));
  }
  parser->at = end;
  return emit(parser, PUSH_NUMBER, 0, number);
}

static bool parse_operation(struct parser *parser, unsigned least);

static bool expect(struct parser *parser, char mark) {
  char shown[32];
  skip_blanks(parser);
  if (*parser->at != mark) return refuse(parser, "'%c' is expected, found %s", mark, shown_rest(parser, shown));
  parser->at++;
  return true;
}

static bool parse_call(struct parser *parser, const char *name) {
  static const struct {
    const char *name;
    enum operation operation;
  } functions[] = {{"min", MIN}, {"max", MAX}, {"abs", ABS}, {"floor", FLOOR}, {"ceil", CEIL}};
  size_t f = 0;
  while (f < sizeof functions / sizeof *functions && strcmp(functions[f].name, name) != 0) f++;
  if (f == sizeof functions / sizeof *functions) {
    return refuse(parser, "no function %s; there are min, max, abs, floor and ceil", name);
  }
  const enum operation operation = functions[f].operation;
  if (!expect(parser, '(') || !parse_operation(parser, 0)) return false;
  if (operation < ADD) return emit(parser, operation, 0, 0) && expect(parser, ')');
  do {
    if (!expect(parser, ',') || !parse_operation(parser, 0) || !emit(parser, operation, 0, 0)) return false;
    skip_blanks(parser);
  } while (*parser->at == ',');
  return expect(parser, ')');
}

static bool parse_name(struct parser *parser) {
  char name[64], shown[80];
  size_t n = 0;
  while (isalnum((unsigned char)parser->at[n]) || parser->at[n] == '_') n++;
  snprintf(name, sizeof name, "%.*s", (int)n, parser->at);
  if (n >= sizeof name) return refuse(parser, "%s... is no name", name);
  parser->at += n;
  skip_blanks(parser);
  if (*parser->at == '(') return parse_call(parser, name);
  for (size_t i = 0; i < parser->n_names; i++) {
    if (strcmp(parser->names[i], name) == 0) return emit(parser, PUSH_NAME, (uint16_t)i, 0);
  }
  const char *nearest = text_nearest(name, parser->names, parser->n_names);
  text_escape(name, shown, sizeof shown);
  return nearest != NULL ? refuse(parser, "unknown name %s; did you mean %s?", shown, nearest)
                         : refuse(parser, "unknown name %s", shown);
}

static bool parse_operand(struct parser *parser) {
  char shown[32];
  skip_blanks(parser);
  const char letter = *parser->at;
  if (letter == '(') {
    parser->at++;
    return parse_operation(parser, 0) && expect(parser, ')');
  }
  if (letter == '-' || letter == '!') {
    parser->at++;
    if (++parser->depth > EXPRESSION_MAX_DEPTH) return refuse(parser, "more than %d deep", EXPRESSION_MAX_DEPTH);
    const bool good = parse_operand(parser) && emit(parser, letter == '-' ? NEGATE : NOT, 0, 0);
    parser->depth--;
    return good;
  }
  if (isdigit((unsigned char)letter) || letter == '.') return parse_number(parser);
  if (isalpha((unsigned char)letter) || letter == '_') return parse_name(parser);
  return refuse(parser, "a number or a name is expected, found %s", shown_rest(parser, shown));
}

enum { COMPARISON = 3 };
static const struct operator_mark {
  const char *mark;
  unsigned precedence;
  enum operation operation;
} marks[] = {{"||", 1, OR},
             {"&&", 2, AND},
             {"<=", COMPARISON, LESS_EQUAL}, /* longer marks first */
             {">=", COMPARISON, GREATER_EQUAL},
             {"==", COMPARISON, EQUAL},
             {"!=", COMPARISON, NOT_EQUAL},
             {"<", COMPARISON, LESS},
             {">", COMPARISON, GREATER},
             {"+", 4, ADD},
             {"-", 4, SUBTRACT},
             {"*", 5, MULTIPLY},
             {"/", 5, DIVIDE},
             {"%", 5, MODULO}};

static const struct operator_mark *next_mark(struct parser *parser) {
  skip_blanks(parser);
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    if (strncmp(parser->at, marks[i].mark, strlen(marks[i].mark)) == 0) return &marks[i];
  }
  return NULL;
}

/* Operations that bind at least as tightly as `least`. */
static bool parse_operation(struct parser *parser, unsigned least) {
  if (++parser->depth > EXPRESSION_MAX_DEPTH) return refuse(parser, "more than %d deep", EXPRESSION_MAX_DEPTH);
  if (!parse_operand(parser)) return false;
  const struct operator_mark *mark;
  while ((mark = next_mark(parser)) != NULL && mark->precedence >= least) {
    parser->at += strlen(mark->mark);
    if (!parse_operation(parser, mark->precedence + 1) || !emit(parser, mark->operation, 0, 0)) return false;
    const struct operator_mark *next = next_mark(parser);
    if (mark->precedence == COMPARISON && next != NULL && next->precedence == COMPARISON) {
      return refuse(parser, "comparisons do not chain; write a < b && b < c");
    }
  }
  parser->depth--;
  return true;
}

const struct expression *expression_parse(const char *text, const char *const *names, size_t n_names,
                                          struct arena *arena, char problem[EXPRESSION_PROBLEM_BYTES]) {
  REQUIRE(n_names <= EXPRESSION_MAX_NAMES);
  const size_t n = strlen(text);
  char shown[32];
  struct parser parser = {.at = text, .names = names, .n_names = n_names, .problem = problem};
  problem[0] = 0;
  if (n > EXPRESSION_MAX_BYTES) {
    refuse(&parser, "more than %d characters, which is the most", EXPRESSION_MAX_BYTES);
    return NULL;
  }
  struct expression *expression = ARENA_NEW(arena, struct expression, 1);
  parser.steps = ARENA_NEW(arena, struct step, n + 1);
  if (!parse_operation(&parser, 0)) return NULL;
  skip_blanks(&parser);
  if (*parser.at != 0) {
    refuse(&parser, "an operation is expected, found %s%s", shown_rest(&parser, shown),
           *parser.at == '=' ? "; write == to compare" : "");
    return NULL;
  }
  *expression = (struct expression){parser.n_steps, parser.steps};
  return expression;
}

bool expression_uses(const struct expression *expression, size_t name) {
  for (size_t i = 0; i < expression->n_steps; i++) {
    if (expression->steps[i].operation == PUSH_NAME && expression->steps[i].name == name) return true;
  }
  return false;
}

/* --- at a point -----------------------------------------------------------------------------------------------------
 */

static double of_one(enum operation operation, double x) {
  switch (operation) {
  case NEGATE:
    return -x;
  case NOT:
    return isnan(x) ? x : (double)(x == 0);
  case ABS:
    return fabs(x);
  case FLOOR:
    return floor(x);
  case CEIL:
    return ceil(x);
  default:
    BUG("operation %d of one operand", (int)operation);
  }
}

/* Who is wrong or right already needs no other side. */
static double joined(bool decides, double x, double y) {
  const bool x_decides = !isnan(x) && (x != 0) == decides, y_decides = !isnan(y) && (y != 0) == decides;
  if (x_decides || y_decides) return decides;
  return isnan(x) || isnan(y) ? (double)NAN : (double)!decides;
}

static double of_two(enum operation operation, double x, double y) {
  if (operation == AND || operation == OR) return joined(operation == OR, x, y);
  if (isnan(x) || isnan(y)) return (double)NAN;
  switch (operation) {
  case ADD:
    return x + y;
  case SUBTRACT:
    return x - y;
  case MULTIPLY:
    return x * y;
  case DIVIDE:
    return y == 0 ? (double)NAN : x / y;
  case MODULO:
    return y == 0 ? (double)NAN : fmod(x, y); /* exact */
  case MIN:
    return x < y ? x : y;
  case MAX:
    return x > y ? x : y;
  case LESS:
    return x < y;
  case LESS_EQUAL:
    return x <= y;
  case GREATER:
    return x > y;
  case GREATER_EQUAL:
    return x >= y;
  case EQUAL:
    return x == y;
  case NOT_EQUAL:
    return x != y;
  default:
    BUG("operation %d of two operands", (int)operation);
  }
}

double expression_value(const struct expression *expression, const double *values) {
  double stack[EXPRESSION_MAX_DEPTH];
  stack[0] = (double)NAN;
  size_t n = 0;
  for (size_t i = 0; i < expression->n_steps; i++) {
    const struct step *step = &expression->steps[i];
    const enum operation operation = step->operation;
    if (operation == PUSH_NUMBER) {
      stack[n++] = step->number;
    } else if (operation == PUSH_NAME) {
      stack[n++] = values[step->name];
    } else if (operation < ADD) {
      stack[n - 1] = of_one(operation, stack[n - 1]);
    } else {
      n--;
      stack[n - 1] = of_two(operation, stack[n - 1], stack[n]);
    }
    if (!isfinite(stack[n - 1])) stack[n - 1] = (double)NAN;
  }
  return stack[0];
}

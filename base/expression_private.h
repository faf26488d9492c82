/* What of an expression its reader, its stack machine over doubles (expression.c) and that over intervals
 * (expression_range.c) share. */
#ifndef BASE_EXPRESSION_PRIVATE_H
#define BASE_EXPRESSION_PRIVATE_H

#include "base/expression.h"

/* In the order of their operands: none, one from NEGATE, two from ADD. */
enum operation {
  PUSH_NUMBER,
  PUSH_NAME,
  /* of one operand */
  NEGATE,
  NOT,
  ABS,
  FLOOR,
  CEIL,
  /* of two */
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
  MODULO,
  MIN,
  MAX,
  LESS,
  LESS_EQUAL,
  GREATER,
  GREATER_EQUAL,
  EQUAL,
  NOT_EQUAL,
  AND,
  OR,
};

struct step {
  double number;
  uint16_t name;
  uint8_t operation;
};

struct expression {
  size_t n_steps;
  struct step *steps;
};

#endif

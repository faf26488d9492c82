/* exp, log and pow that give the same bits on every processor.
 *
 * glibc picks variants by CPU feature (with or without FMA), and they differ in the last bit for some arguments. On
 * the answer path only these are used: plain double arithmetic, error ≤ 1 ulp, tested against libm. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

double num_exp(double x);
double num_log(double x);           /* x > 0; 0 → −inf, negative → NaN */
double num_pow(double x, double y); /* x > 0 */

#endif

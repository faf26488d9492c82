/* What time is it, for limits and reports? Of no answer: an evaluation and a search read no clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds since some moment of the past; never goes back. */
double clock_wall_s(void);
/* That this process's threads have had of processors. */
double clock_processor_s(void);

#endif

/* Programs that print what the kernel says of each of their sends: whether its data was copied. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stdbool.h>

/* False when there is none of that name. */
bool run_answers(const char* name);

#endif

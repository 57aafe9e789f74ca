/* Programs that write a buffer before the kernel has let go of it. Each prints the names of the
 * sends whose content it changed too early, for the test to compare with what zcv says. */
#ifndef MISUSES_H
#define MISUSES_H

#include <stdbool.h>

/* False when there is none of that name. */
bool run_misuse(const char* name);

#endif

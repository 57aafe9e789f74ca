/* A thousand messages out of a few buffers, by programs that take something for the release of a
 * buffer that is none, and by their twins that do not. */
#ifndef POOLS_H
#define POOLS_H

#include <stdbool.h>

/* False when there is none of that name. */
bool run_pool(const char* name);

#endif

#pragma once

// Debian's gnuplot-iostream is a plain header in the system folder, so its warnings stay its own.
// The one place that includes it, because the temporary files it can make are not wanted here.
#include <gnuplot-iostream.h>

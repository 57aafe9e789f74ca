#include "model/ensure.hpp"

#include <cstdio>
#include <cstdlib>

namespace zcv {

void check_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "zcv: internal error: %s does not hold at %s:%d; please report it\n", what,
                 file, line);
    std::_Exit(5);
}

}  // namespace zcv

#pragma once

#include "tests/program.hpp"
#include "tests/skip.hpp"

// What tests that capture on this machine share: they need root and BPF, and skip (77) otherwise.
namespace zcv::test {

inline void need_capture() {
    for (const char* words : {" run -- true", " drive udp --sends 1"}) {
        const Ran ran = run_shell(shell_quoted(ZCV_PROGRAM) + words);
        if (ran.status == 4) skip(ran.err);
    }
    if (run_shell("unshare -n true").status != 0) skip("needs root for network namespaces");
}

}  // namespace zcv::test

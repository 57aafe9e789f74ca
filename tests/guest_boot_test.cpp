// A guest at work: skipped, with the reason, without qemu or a kernel to boot.
#include <cstdio>
#include <string>

#include "tests/program.hpp"
#include "tests/skip.hpp"

using namespace zcv::test;

namespace {

int failed(const char* what, const Ran& ran) {
    std::printf("%s: status %d\n%s%s\n", what, ran.status, ran.out.c_str(), ran.err.c_str());
    return 1;
}

std::string with_zcv(const std::string& words) {
    return shell_quoted(ZCV_PROGRAM) + " " + words;
}

}  // namespace

int main() {
    if (run_shell("command -v qemu-system-x86_64").status != 0)
        skip("no qemu-system-x86_64: apt-get install qemu-system-x86");
    for (const std::string kernel : {"6.12", "6.1"}) {
        const TempDir dir;
        const std::string console = shell_quoted(dir / "console.log");
        const std::string trace = shell_quoted(dir / "guest.zct");
        const Ran ran =
            run_shell(with_zcv("guest " + kernel + " --accel tcg --hash sampled -o " + trace +
                               " --console " + console + " -- drive udp --sends 16"));
        if (ran.status == 4 && ran.err.find("no kernel") != std::string::npos) continue;
        if (ran.status != 0) {
            std::printf("%s\n", run_shell("tail -n 80 " + console).out.c_str());
            return failed("guest", ran);
        }
        if (ran.out.find("received   16 right, 0 wrong") == std::string::npos)
            return failed("the workload's own words are not there", ran);
        // All that is said in the guest comes out in one stream.
        if (ran.out.find(" 16 sends -> " + (dir / "guest.zct")) == std::string::npos)
            return failed("the trace is called otherwise", ran);
        // Function probes saw each reference, and the replay infers the same.
        const Ran seen = run_shell(with_zcv("references " + trace));
        if (seen.status != 0 || seen.out.find("64 the same: 100.00 %") == std::string::npos)
            return failed("references", seen);
        const Ran judged = run_shell(with_zcv("replay " + trace));
        const bool clean = judged.status == 0 &&
                           judged.out.find("profile " + kernel + ",") != std::string::npos &&
                           judged.out.find("16 sends, 16 completed") != std::string::npos;
        if (!clean) return failed("replay", judged);
        // A buffer that is written while a slow link holds it, by the kernel's soft-dirty bits.
        const Ran slow = run_shell(
            with_zcv("guest " + kernel + " --accel tcg --events default,page-write -o " + trace +
                     " -- drive tcp --sends 40 --size 64k --rate 4mbit --sndbuf 65536 "
                     "--misuse first-cqe"));
        if (slow.status != 0) return failed("a slow link", slow);
        const Ran late = run_shell(with_zcv("replay " + trace));
        if (late.status != 1 || late.out.find("page tracking found 65536 bytes") == late.out.npos)
            return failed("page tracking", late);
        // Its status is the command's own.
        const Ran fails = run_shell(with_zcv("guest " + kernel + " --accel tcg -- /bin/false"));
        return fails.status == 1 ? 0 : failed("a command that fails", fails);
    }
    skip("no kernel 6.12 or 6.1 in /boot or fetched before: zcv guest 6.12 --fetch");
}

#include "realimpl/compare_dpdk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "realimpl/drive_socket.hpp"
#include "realimpl/helper_programs.hpp"

namespace zcv::compare {

void become_dpdk(const Bench& bench, int channel) {
    const std::string program = find_helper_or_none("zcv-dpdk", "ZCV_DPDK");
    if (program.empty())
        throw Refusal(Status::unable,
                      "zcv-dpdk is not built in: apt-get install dpdk-dev, and build zcv again");
    stay_on_processor(0);
    // The channel is to outlive this program.
    ::fcntl(channel, F_SETFD, 0);
    // DPDK would leave a folder of its own behind; here it cannot make one, and does without.
    ::setenv("RUNTIME_DIRECTORY", "/dev/null", 1);
    // It has a lot to say, and what matters comes by the channel.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, fd);
    ::execl(program.c_str(), "zcv-dpdk", std::to_string(channel).c_str(),
            std::to_string(buffers_of(bench)).c_str(), std::to_string(bench.bytes_max).c_str(),
            nullptr);
    drive::throw_errno("start zcv-dpdk");
}

}  // namespace zcv::compare

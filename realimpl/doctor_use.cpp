#include "realimpl/doctor_use.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <sstream>
#include <string_view>

#include "realimpl/capture_pipe.hpp"

namespace zcv {
namespace {

namespace fs = std::filesystem;

// The folders of processes in /proc.
std::vector<fs::path> processes() {
    std::vector<fs::path> all;
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename();
        if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }))
            all.push_back(at->path());
    }
    return all;
}

std::string address_of(int family, const __be32* address, __be16 port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, address, text.data(), text.size());
    const bool v6 = family == AF_INET6;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", text.data(), v6 ? "]" : "", ntohs(port));
}

bool ask(int socket, std::uint8_t family, std::uint8_t protocol) {
    struct {
        nlmsghdr head;
        inet_diag_req_v2 request;
    } message{};
    message.head.nlmsg_len = sizeof message;
    message.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request.sdiag_family = family;
    message.request.sdiag_protocol = protocol;
    message.request.idiag_ext = 1U << (INET_DIAG_SKMEMINFO - 1);
    message.request.idiag_states = ~0U;
    return send(socket, &message, sizeof message, 0) == static_cast<ssize_t>(sizeof message);
}

// netlink's messages and attributes begin at multiples of four.
std::size_t aligned(std::size_t bytes) {
    return (bytes + 3) & ~std::size_t{3};
}

template <class Part>
std::optional<Part> part_at(std::span<const char> bytes) {
    Part part{};
    if (bytes.size() < sizeof part) return std::nullopt;
    std::memcpy(&part, bytes.data(), sizeof part);
    return part;
}

// Option memory of the socket that the attributes of an answer are about; 0 when they do not say.
std::uint32_t option_memory_in(std::span<const char> attributes) {
    while (const auto head = part_at<rtattr>(attributes)) {
        if (head->rta_len < sizeof *head || head->rta_len > attributes.size()) return 0;
        const auto payload = attributes.subspan(sizeof *head, head->rta_len - sizeof *head);
        constexpr std::size_t at = SK_MEMINFO_OPTMEM * sizeof(__u32);
        if (head->rta_type == INET_DIAG_SKMEMINFO)
            return payload.size() > at ? part_at<__u32>(payload.subspan(at)).value_or(0) : 0;
        attributes = attributes.subspan(std::min(attributes.size(), aligned(head->rta_len)));
    }
    return 0;
}

void take_answer(const inet_diag_msg& found, std::span<const char> attributes, const char* protocol,
                 OptionMemory& most) {
    const std::uint32_t bytes = option_memory_in(attributes);
    if (bytes <= most.bytes) return;
    const inet_diag_sockid& id = found.id;
    most = {bytes, fmt::format("{} {} -> {}", protocol,
                               address_of(found.idiag_family, id.idiag_src, id.idiag_sport),
                               address_of(found.idiag_family, id.idiag_dst, id.idiag_dport))};
}

// Reads the answers to one question; false when the kernel refused it.
bool take_answers(int socket, const char* protocol, OptionMemory& most) {
    std::array<char, 32768> buffer{};
    while (true) {
        const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
        if (got <= 0) return false;
        std::span<const char> answers(buffer.data(), static_cast<std::size_t>(got));
        while (const auto head = part_at<nlmsghdr>(answers)) {
            if (head->nlmsg_type == NLMSG_DONE) return true;
            if (head->nlmsg_type == NLMSG_ERROR) return false;
            if (head->nlmsg_len < sizeof *head || head->nlmsg_len > answers.size()) return false;
            const auto body = answers.subspan(sizeof *head, head->nlmsg_len - sizeof *head);
            if (const auto found = part_at<inet_diag_msg>(body))
                take_answer(*found, body.subspan(sizeof *found), protocol, most);
            answers = answers.subspan(std::min(answers.size(), aligned(head->nlmsg_len)));
        }
    }
}

// Inode numbers of the packet sockets of this network namespace.
std::set<std::string> packet_sockets() {
    std::set<std::string> inodes;
    std::ifstream file("/proc/net/packet");
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string word;
        while (words >> word) continue;
        inodes.insert("socket:[" + word + ']');  // the last column
    }
    return inodes;
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
    std::error_code error;
    for (fs::directory_iterator at(process / "fd", error), end; !error && at != end;
         at.increment(error)) {
        std::error_code gone;
        if (sockets.contains(fs::read_symlink(at->path(), gone).string())) return true;
    }
    return false;
}

}  // namespace

std::uint64_t locked_bytes() {
    std::uint64_t bytes = 0;
    for (const fs::path& process : processes()) {
        std::ifstream status(process / "status");
        std::uint64_t uid = ~std::uint64_t{0};
        for (std::string line; std::getline(status, line);) {
            std::istringstream words(line);
            std::string name;
            std::uint64_t value = 0;
            words >> name >> value;
            if (name == "Uid:") uid = value;
            if (uid == getuid() && (name == "VmLck:" || name == "VmPin:")) bytes += value * 1024;
        }
    }
    return bytes;
}

std::optional<OptionMemory> most_option_memory() {
    const Fd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    if (socket.get() < 0) return std::nullopt;
    const timeval patience{1, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    OptionMemory most;
    for (const int family : {AF_INET, AF_INET6})
        for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP})
            if (ask(socket.get(), static_cast<std::uint8_t>(family),
                    static_cast<std::uint8_t>(protocol)))
                take_answers(socket.get(), protocol == IPPROTO_TCP ? "tcp" : "udp", most);
    if (most.bytes == 0) return std::nullopt;
    return most;
}

std::vector<std::string> packet_socket_owners() {
    const std::set<std::string> sockets = packet_sockets();
    std::vector<std::string> owners;
    if (sockets.empty()) return owners;
    for (const fs::path& process : processes()) {
        if (!holds_one_of(process, sockets)) continue;
        std::string name;
        std::ifstream comm(process / "comm");
        std::getline(comm, name);
        owners.push_back(fmt::format("{} ({})", name, process.filename().string()));
    }
    return owners;
}

}  // namespace zcv

#include "model/profiles.hpp"

#include <algorithm>
#include <charconv>

namespace zcv {
namespace {

struct Release {
    int major = 0;
    int minor = 0;
};

std::optional<Release> parse(std::string_view text) {
    Release release;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, release.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, release.minor);
    if (minor.ec != std::errc{}) return std::nullopt;
    return release;
}

}  // namespace

const std::vector<Profile>& profiles() {
    static const std::vector<Profile> all{
        {.name = "6.1", .covers = "6.1 to 6.9", .chains = false, .sendmsg_holds_ubuf = true},
        {.name = "6.12", .covers = "6.10 to 6.12"},
        {.name = "6.18", .covers = "6.13 and later"},
        {.name = "intended",
         .covers = "the kernel as it should be",
         .link_cancel_forgets_more = false},
    };
    return all;
}

const Profile* find_profile(std::string_view name) {
    const auto found = std::ranges::find(profiles(), name, &Profile::name);
    return found == profiles().end() ? nullptr : &*found;
}

const Profile* profile_for_release(std::string_view text) {
    const std::optional<Release> release = parse(text);
    if (!release || release->major < 6) return nullptr;
    if (release->major == 6 && release->minor < 1) return nullptr;
    if (release->major == 6 && release->minor < 10) return find_profile("6.1");
    if (release->major == 6 && release->minor < 13) return find_profile("6.12");
    return find_profile("6.18");
}

}  // namespace zcv

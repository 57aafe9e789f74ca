// Which kernel a profile speaks for.
#include "model/profiles.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "tests/captured.hpp"

using namespace zcv;
using zcv::test::captured;

TEST_CASE("every release since 6.0 has the profile of its kernel", "[profile]") {
    const std::map<std::string, std::string> speaks_for{
        {"6.0.0", "6.0"},      {"6.0.19-arch1", "6.0"},
        {"6.1", "6.1"},        {"6.1.0-52-amd64", "6.1"},
        {"6.4.12", "6.1"},     {"6.5.0-rc1", "6.6"},
        {"6.6.3", "6.6"},      {"6.9.12", "6.6"},
        {"6.10.1", "6.12"},    {"6.12.117-1~deb12u1", "6.12"},
        {"6.13.0", "6.18"},    {"6.18.44-fc", "6.18"},
        {"7.0.0-rc3", "6.18"}, {"10.2", "6.18"},
    };
    for (const auto& [release, name] : speaks_for) {
        CAPTURE(release);
        const Profile* const profile = profile_for_release(release);
        REQUIRE(profile != nullptr);
        CHECK(profile->name == name);
    }
    for (const char* release : {"5.19.2", "4.0", "6", "", "six.one", "6.x", "-6.1"}) {
        CAPTURE(release);
        CHECK(profile_for_release(release) == nullptr);
    }
}

TEST_CASE("a profile is tried where captures of that version are replayed", "[profile]") {
    for (const auto& folder : std::filesystem::directory_iterator(captured))
        if (folder.is_directory()) {
            CAPTURE(folder.path());
            CHECK(was_captured(folder.path().filename().string() + ".9-amd64"));
        }
    for (const char* release : {"6.0.3", "6.2.0", "6.9.12", "6.13", "7.0.0", "six.one", ""}) {
        CAPTURE(release);
        CHECK_FALSE(was_captured(release));
    }
}

TEST_CASE("profiles have names of their own and say what they speak for", "[profile]") {
    std::set<std::string> names;
    for (const Profile& profile : profiles()) {
        CAPTURE(profile.name);
        CHECK(names.insert(profile.name).second);
        CHECK_FALSE(profile.covers.empty());
        CHECK(find_profile(profile.name) == &profile);
    }
    for (const char* name : {"rfc-v1", "6.0-rc", "6.0", "6.1", "6.6", "6.12", "6.18", "intended"})
        CHECK(names.contains(name));
    CHECK(find_profile("6.2") == nullptr);
}

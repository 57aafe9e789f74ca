#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/tidy.hpp"

// Looks up every file and function that the model names in a Linux source tree of the model's tag.
int main() {
    using namespace zcv::tidy;
    const char* linux_src = std::getenv("ZCV_LINUX_SRC");
    if (linux_src == nullptr) {
        std::puts("ZCV_LINUX_SRC is not set: set it to a Linux source tree of the model's tag");
        return 77;
    }
    const auto places = kernel_places(sources_under(ZCV_SOURCE_DIR));
    const Complaints complaints = dangling_places(places, linux_src);
    for (const std::string& complaint : complaints) std::puts(complaint.c_str());
    const auto elsewhere = std::count_if(places.begin(), places.end(),
                                         [](const auto& place) { return !place.version.empty(); });
    std::printf("%zu places looked up in %s, %zu not there; %td are of other versions\n",
                places.size() - static_cast<std::size_t>(elsewhere), linux_src, complaints.size(),
                elsewhere);
    return complaints.empty() ? 0 : 1;
}

#include "model/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace zcv {
namespace {

// Insertions, deletions and replacements; one row of the table at a time.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

bool begins(std::string_view whole, std::string_view start) {
    return start.size() >= 3 && whole.substr(0, start.size()) == start;
}

}  // namespace

std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& names) {
    // Typed by hand, a name is short; what is not would only cost time here.
    if (wanted.size() > 200) return {};
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const std::string& name : names) {
        const std::size_t apart = distance(wanted, name);
        const bool related = begins(name, wanted) || begins(wanted, name);
        if (related || apart <= std::max<std::size_t>(2, name.size() / 3))
            found.emplace_back(apart, name);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (found.size() > 3) found.resize(3);
    std::vector<std::string> result;
    for (auto& [apart, name] : found) result.push_back(std::move(name));
    return result;
}

std::string did_you_mean(std::string_view wanted, const std::vector<std::string>& names,
                         const std::string& otherwise) {
    const std::vector<std::string> near = nearest(wanted, names);
    if (near.empty()) return otherwise;
    std::string text = "did you mean " + near.front();
    for (std::size_t i = 1; i < near.size(); ++i)
        text += (i + 1 == near.size() ? " or " : ", ") + near[i];
    return text + "?";
}

std::string shown(const std::string& name) {
    return name.empty() ? "''" : name;
}

}  // namespace zcv

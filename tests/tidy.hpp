#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

// The habits of the tree as checks: each reads the sources under `root` and returns its complaints,
// "file:line: what". An empty list is a tidy tree.
namespace zcv::tidy {

using Complaints = std::vector<std::string>;
namespace fs = std::filesystem;

struct Source {
    std::string path;  // relative to the root
    std::string text;
    std::vector<std::string> lines;

    std::string folder() const { return path.substr(0, path.find('/')); }
    bool ends_with(const std::string& ending) const {
        return path.size() >= ending.size() &&
               path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
    }
    bool is_code() const {
        return ends_with(".cpp") || ends_with(".hpp") || ends_with(".h") || ends_with(".c");
    }
};

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

// What people write, without what is built, captured or recorded.
inline std::vector<Source> sources_under(const std::string& root) {
    const std::set<std::string> not_written{"build", ".git", "captured", "golden"};
    std::vector<Source> sources;
    for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
         ++it) {
        const std::string name = it->path().filename().string();
        if (it->is_directory() && not_written.count(name) > 0) it.disable_recursion_pending();
        if (!it->is_regular_file()) continue;
        Source source{fs::relative(it->path(), root).string(), "", {}};
        const bool script = it->path().extension().empty() && name != "LICENSE";
        if (!source.is_code() && !script && name != "CMakeLists.txt" &&
            !source.ends_with(".cmake") && !source.ends_with(".md")) {
            continue;
        }
        std::ifstream in(it->path(), std::ios::binary);
        source.text.assign(std::istreambuf_iterator<char>(in), {});
        source.lines = lines_of(source.text);
        sources.push_back(std::move(source));
    }
    std::sort(sources.begin(), sources.end(),
              [](const Source& a, const Source& b) { return a.path < b.path; });
    return sources;
}

inline std::string at(const Source& source, std::size_t line, const std::string& what) {
    return source.path + ":" + std::to_string(line + 1) + ": " + what;
}

// A letter outside ASCII is one column, however many bytes it takes.
inline std::size_t columns_of(const std::string& line) {
    return static_cast<std::size_t>(
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

inline Complaints long_lines(const std::vector<Source>& sources) {
    Complaints complaints;
    for (const Source& source : sources) {
        if (source.ends_with(".md")) continue;
        for (std::size_t i = 0; i < source.lines.size(); ++i) {
            if (columns_of(source.lines[i]) <= 100) continue;
            complaints.push_back(at(source, i, "longer than 100 columns"));
        }
    }
    return complaints;
}

inline Complaints long_files(const std::vector<Source>& sources) {
    Complaints complaints;
    for (const Source& source : sources) {
        if (source.lines.size() <= 700) continue;
        complaints.push_back(source.path + ": " + std::to_string(source.lines.size()) + " lines");
    }
    return complaints;
}

// By layout, which clang-format guarantees: a body opened at the end of a line that starts in the
// first column ends at the first "}" there. Tables are data: constexpr arrays, or what stands
// between clang-format marks.
inline Complaints long_functions(const std::vector<Source>& sources) {
    const std::regex not_a_function(
        R"(^(namespace|struct|class|enum|union|extern|typedef|#|//|/\*).*)"
        R"(|^(inline )?constexpr std::array .*)");
    Complaints complaints;
    for (const Source& source : sources) {
        if (!source.is_code()) continue;
        bool table = false;
        for (std::size_t i = 0; i < source.lines.size(); ++i) {
            const std::string& line = source.lines[i];
            if (line.find("clang-format o") != std::string::npos) {
                table = line.find("clang-format off") != std::string::npos;
            }
            if (table || line.empty() || line.front() == ' ' || line.back() != '{') continue;
            if (std::regex_match(line, not_a_function)) continue;
            std::size_t end = i;
            while (end < source.lines.size() && source.lines[end].rfind('}', 0) != 0) ++end;
            if (end - i + 1 > 70) {
                complaints.push_back(at(source, i, std::to_string(end - i + 1) + " lines long"));
            }
            i = end;
        }
    }
    return complaints;
}

// The marks people leave for later, spelt so that this file does not contain them.
inline Complaints unfinished(const std::vector<Source>& sources) {
    const std::regex marks(
        "\\bTO"
        "DO\\b|\\bFIX"
        "ME\\b|\\bXX"
        "X\\b|[Nn]ot (yet )?impl"
        "emented|"
        "\\b[Pp]lace"
        "holder\\b");
    Complaints complaints;
    for (const Source& source : sources) {
        for (std::size_t i = 0; i < source.lines.size(); ++i) {
            if (std::regex_search(source.lines[i], marks)) {
                complaints.push_back(at(source, i, "left for later: " + source.lines[i]));
            }
        }
    }
    return complaints;
}

// What is neither built nor included is dead, whatever it says.
inline Complaints unlisted(const std::vector<Source>& sources) {
    std::string listed;
    std::string included;
    const std::regex include("#include \"([^\"]+)\"");
    for (const Source& source : sources) {
        if (source.ends_with("CMakeLists.txt") || source.ends_with(".cmake")) listed += source.text;
        for (std::sregex_iterator it(source.text.begin(), source.text.end(), include), end;
             it != end; ++it) {
            included.append(1, '|').append((*it)[1].str()).append(1, '|');
        }
    }
    Complaints complaints;
    for (const Source& source : sources) {
        if (!source.is_code()) continue;
        const std::string name = fs::path(source.path).filename().string();
        const std::regex word("(^|[\\s/(\"])" + std::regex_replace(name, std::regex("\\."), "\\.") +
                              "($|[\\s)\"])");
        const bool header = source.ends_with(".hpp") || source.ends_with(".h");
        const bool used = included.find("|" + source.path + "|") != std::string::npos ||
                          (header && included.find("|" + name + "|") != std::string::npos) ||
                          std::regex_search(listed, word);
        if (!used) complaints.push_back(source.path + ": in no CMakeLists.txt and never included");
    }
    return complaints;
}

// The parts of model/ that meet the outside: the check verb, which prints, and the checker's
// memory and files.
inline bool meets_the_outside(const Source& source, const std::vector<Source>& sources) {
    if (source.path == "model/checker/memory.cpp" || source.path == "model/checker/level_file.cpp")
        return true;
    const std::regex target(R"(add_library\(zcv_check\s+STATIC([^)]*)\))");
    for (const Source& lists : sources) {
        std::smatch found;
        if (lists.path != "model/CMakeLists.txt" || !std::regex_search(lists.text, found, target)) {
            continue;
        }
        fs::path stem = source.path.substr(source.path.find('/') + 1);
        stem.replace_extension(".cpp");
        if (found[1].str().find(stem.string()) != std::string::npos) return true;
    }
    return false;
}

// Includes point one way, and model/ knows neither an operating system nor a library but Boost.
inline Complaints wrong_includes(const std::vector<Source>& sources) {
    const std::map<std::string, std::vector<std::string>> may{
        {"model", {"model"}},
        {"traces", {"traces", "model"}},
        {"realimpl", {"realimpl", "traces", "model"}},
        {"plots", {"plots", "realimpl", "traces", "model"}},
        {"tests", {"tests", "plots", "realimpl", "traces", "model"}}};
    const std::regex include("^\\s*#\\s*include\\s*([\"<])([^\">]+)[\">].*");
    Complaints complaints;
    for (const Source& source : sources) {
        const auto allowed = may.find(source.folder());
        if (!source.is_code() || allowed == may.end()) continue;
        bool model_steps = false;
        bool records = false;
        for (std::size_t i = 0; i < source.lines.size(); ++i) {
            std::smatch found;
            if (!std::regex_match(source.lines[i], found, include)) continue;
            const std::string name = found[2];
            const std::string folder = name.substr(0, name.find('/'));
            if (found[1] == "\"" && may.count(folder) > 0 &&
                std::count(allowed->second.begin(), allowed->second.end(), folder) == 0) {
                complaints.push_back(at(source, i, source.folder() + " includes " + name));
            }
            const bool system =
                name.find('/') != std::string::npos || name.find(".h") != std::string::npos;
            if (source.folder() == "model" && found[1] == "<" && system && folder != "boost" &&
                !meets_the_outside(source, sources)) {
                complaints.push_back(at(source, i, "model includes <" + name + ">"));
            }
            model_steps = model_steps || name.rfind("model/kernel/", 0) == 0;
            records = records || name == "traces/zcv_event.h" || name == "traces/zct.hpp";
        }
        const bool binding = source.path.rfind("traces/binding", 0) == 0;
        if (model_steps && records && !binding && source.folder() != "tests") {
            complaints.push_back(source.path +
                                 ": knows both steps and records, as only bindings may");
        }
    }
    return complaints;
}

// Every place in the kernel that the model says it models.
struct KernelPlace {
    std::string where;
    std::string file;
    std::string function;
    std::string version;  // "" for the model's kernel tag
};

inline std::vector<KernelPlace> kernel_places(const std::vector<Source>& sources) {
    const std::regex ref(
        R"re(KernelRef\s+at\s*\{\s*"([^"]*)"\s*,\s*"([^"]*)"\s*(?:,\s*"([^"]*)"\s*)?\})re");
    std::vector<KernelPlace> places;
    for (const Source& source : sources) {
        if (source.folder() != "model" || !source.is_code()) continue;
        for (std::sregex_iterator it(source.text.begin(), source.text.end(), ref), end; it != end;
             ++it) {
            if ((*it)[1].length() > 0)
                places.push_back({source.path, (*it)[1], (*it)[2], (*it)[3]});
        }
    }
    return places;
}

// Whether the text defines the function: named on a line that begins in the first column, and a
// body follows its parameters. A call, a declaration or a comment does not count.
inline bool defines(const std::string& text, const std::string& function) {
    const std::regex name("\\b" + function + "\\(");
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
        const auto at = static_cast<std::size_t>(it->position());
        const std::size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
        const std::size_t line = newline == std::string::npos ? 0 : newline + 1;
        if (std::string(" \t*/#").find(text[line]) != std::string::npos) continue;
        const std::size_t next = text.find_first_of("{;=", at);
        if (next != std::string::npos && text[next] == '{') return true;
    }
    return false;
}

// Places of other versions cannot be looked up in a tree of the model's tag.
inline Complaints dangling_places(const std::vector<KernelPlace>& places,
                                  const std::string& linux_src) {
    Complaints complaints;
    for (const KernelPlace& place : places) {
        if (!place.version.empty()) continue;
        std::ifstream in(fs::path(linux_src) / place.file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (text.empty()) {
            complaints.push_back(place.where + ": no file " + place.file);
        } else if (!defines(text, place.function)) {
            complaints.push_back(place.where + ": " + place.file + " does not define " +
                                 place.function + "()");
        }
    }
    return complaints;
}

}  // namespace zcv::tidy

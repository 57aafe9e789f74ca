#include "packaging/docs.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <vector>

namespace zcv {
namespace {

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* verb) { return !verb->get_name().empty(); });
}

// "zcv plot lifecycle"
std::string path_of(const CLI::App& verb) {
    const CLI::App* const parent = verb.get_parent();
    return parent == nullptr ? verb.get_name() : path_of(*parent) + ' ' + verb.get_name();
}

std::vector<const CLI::Option*> options_of(const CLI::App& verb, bool positional) {
    std::vector<const CLI::Option*> all;
    for (const CLI::Option* option : verb.get_options())
        if (option->get_positional() == positional) all.push_back(option);
    return all;
}

// "-o", "--output"
std::vector<std::string> names_of(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const std::string& name : option.get_snames()) names.push_back('-' + name);
    for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
    return names;
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

// What an option that knows its values takes: "TEXT:{on,off}" -> on, off.
std::vector<std::string> values_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const std::size_t open = type.find('{');
    const std::size_t close = type.find('}', open);
    std::vector<std::string> values;
    if (open == std::string::npos || close == std::string::npos) return values;
    std::istringstream list(type.substr(open + 1, close - open - 1));
    for (std::string value; std::getline(list, value, ',');) values.push_back(value);
    return values;
}

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
    return fmt::format("{}", fmt::join(words, between));
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

// Text that troff takes as it is: no escapes, no requests, and hyphens one can paste.
std::string troff(const std::string& text) {
    std::istringstream lines(replaced(replaced(text, "\\", "\\e"), "-", "\\-"));
    std::string safe;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && (line[0] == '.' || line[0] == '\'')) safe += "\\&";
        safe += line + '\n';
    }
    if (!safe.empty()) safe.pop_back();
    return safe;
}

std::string synopsis_of(const CLI::App& verb) {
    std::string line = "\\fB" + troff(path_of(verb)) + "\\fR";
    if (!options_of(verb, false).empty()) line += " [\\fIOPTION\\fR...]";
    for (const CLI::Option* option : options_of(verb, true)) {
        const std::string name = "\\fI" + troff(option->get_name()) + "\\fR" +
                                 (option->get_items_expected_max() > 1 ? "..." : "");
        line += option->get_required() ? ' ' + name : " [" + name + ']';
    }
    if (!verbs_of(verb).empty()) line += " \\fIVERB\\fR ...";
    return line;
}

void add_options(std::string& page, const CLI::App& verb) {
    page += ".SH OPTIONS\n";
    for (const bool positional : {true, false}) {
        for (const CLI::Option* option : options_of(verb, positional)) {
            page += ".TP\n\\fB" +
                    troff(positional ? option->get_name() : joined(names_of(*option), ", ")) +
                    "\\fR";
            if (!positional && takes_value(*option)) {
                const std::vector<std::string> values = values_of(*option);
                page += " \\fI" +
                        troff(values.empty() ? option->get_type_name() : joined(values, "|")) +
                        "\\fR";
            }
            page += '\n' + troff(option->get_description());
            if (!option->get_default_str().empty())
                page += troff(" [" + option->get_default_str() + ']');
            page += '\n';
        }
    }
}

// A footer is prose, and after "Examples:" what can be pasted. Both keep their lines.
void add_footer(std::string& page, const std::string& footer) {
    const std::size_t at = footer.find("Examples:\n");
    const auto block = [&](const char* title, std::string text) {
        while (!text.empty() && text.front() == '\n') text.erase(0, 1);
        while (!text.empty() && text.back() == '\n') text.pop_back();
        if (!text.empty()) page += fmt::format(".SH {}\n.nf\n{}\n.fi\n", title, troff(text));
    };
    block("NOTES", footer.substr(0, at));
    if (at == std::string::npos) return;
    std::istringstream lines(footer.substr(at + std::string_view("Examples:\n").size()));
    std::string examples;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t begin = line.find_first_not_of(' ');
        examples += (begin == std::string::npos ? line : line.substr(begin)) + '\n';
    }
    block("EXAMPLES", examples);
}

constexpr const char* exit_status =
    ".SH EXIT STATUS\n"
    ".TP\n0\nclean: the property holds, the trace is clean\n"
    ".TP\n1\nviolation\n"
    ".TP\n2\nthe command line, or a file it names, is wrong\n"
    ".TP\n3\ninconclusive: records were lost, a bound was hit, there was nothing to check\n"
    ".TP\n4\nthis machine cannot do it: what is missing is named, and the remedy\n"
    ".TP\n5\nan internal error\n";

std::string path_id(const CLI::App& verb) {
    return replaced(replaced(path_of(verb), " ", "_"), "-", "_");
}

// In single quotes of a shell.
std::string quoted(const std::string& text) {
    return '\'' + replaced(text, "'", "'\\''") + '\'';
}

// The first sentence or clause of a description: completions have one line.
std::string short_words(const std::string& text) {
    const std::size_t line = text.find('\n');
    const std::string first = text.substr(0, line);
    return first.size() <= 70 ? first : first.substr(0, first.rfind(' ', 70)) + " ...";
}

// A shell function that says in `$at` which verb the words so far name.
std::string case_of_paths(const CLI::App& app, const char* at) {
    std::string cases;
    for_each_verb(app, [&](const CLI::App& verb) {
        if (verb.get_parent() == nullptr) return;
        cases += fmt::format("            {}) {}={} ;;\n",
                             quoted(path_id(*verb.get_parent()) + ' ' + verb.get_name()), at,
                             path_id(verb));
    });
    return cases;
}

}  // namespace

void for_each_verb(const CLI::App& app, const std::function<void(const CLI::App&)>& visit) {
    visit(app);
    for (const CLI::App* verb : verbs_of(app)) for_each_verb(*verb, visit);
}

std::string page_name(const CLI::App& verb) {
    return replaced(path_of(verb), " ", "-");
}

std::string manual_page(const CLI::App& verb) {
    const std::string name = page_name(verb);
    std::string title = name;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string page = fmt::format(
        ".TH {} 1 \"\" \"zcv {}\" \"zcv manual\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n",
        troff(title), ZCV_VERSION, troff(name), troff(short_words(verb.get_description())),
        synopsis_of(verb));
    page += ".SH DESCRIPTION\n" + troff(verb.get_description()) + ".\n";
    if (const auto verbs = verbs_of(verb); !verbs.empty()) {
        page += ".SH VERBS\n";
        for (const CLI::App* below : verbs)
            page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", troff(below->get_name()),
                                troff(below->get_description()));
    }
    add_options(page, verb);
    add_footer(page, verb.get_footer());
    page += exit_status;
    page += ".SH SEE ALSO\n";
    std::vector<std::string> others;
    if (verb.get_parent() != nullptr) others.push_back(page_name(*verb.get_parent()));
    for (const CLI::App* below : verbs_of(verb)) others.push_back(page_name(*below));
    for (std::size_t i = 0; i < others.size(); ++i)
        page += fmt::format(".BR {} (1){}\n", troff(others[i]), i + 1 < others.size() ? "," : "");
    return page;
}

std::string bash_completion(const CLI::App& app) {
    std::string words, values;
    for_each_verb(app, [&](const CLI::App& verb) {
        std::vector<std::string> all;
        for (const CLI::App* below : verbs_of(verb)) all.push_back(below->get_name());
        for (const CLI::Option* option : options_of(verb, false)) {
            const std::vector<std::string> names = names_of(*option);
            all.insert(all.end(), names.begin(), names.end());
            if (const auto known = values_of(*option); !known.empty())
                for (const std::string& name : names)
                    values +=
                        fmt::format("        {}) words={} ;;\n", quoted(path_id(verb) + ' ' + name),
                                    quoted(joined(known)));
        }
        words += fmt::format("        {}) words={} ;;\n", path_id(verb), quoted(joined(all)));
    });
    return fmt::format(
        R"(# bash completion of zcv; made by: zcv docs
_zcv() {{
    local at=zcv words='' i cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$at ${{COMP_WORDS[i]}}" in
            *' --') return ;;
{}        esac
    done
    case "$at $prev" in
{}    esac
    if [ -z "$words" ]; then
        case $at in
{}        esac
        # Files and scenarios are as likely as options: those only when asked for.
        [[ $cur == -* || $words == [^-]* ]] || return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -o default -F _zcv zcv
)",
        case_of_paths(app, "at"), values, words);
}

std::string zsh_completion(const CLI::App& app) {
    std::string lists;
    for_each_verb(app, [&](const CLI::App& verb) {
        const auto entry = [](const std::string& name, const std::string& says) {
            return "            " + quoted(replaced(name, ":", "\\:") + ':' + short_words(says)) +
                   '\n';
        };
        std::string below, options;
        for (const CLI::App* each : verbs_of(verb))
            below += entry(each->get_name(), each->get_description());
        for (const CLI::Option* option : options_of(verb, false))
            for (const std::string& name : names_of(*option))
                options += entry(name, option->get_description());
        lists += fmt::format(
            "        {})\n        verbs=(\n{}        )\n        options=(\n{}"
            "        ) ;;\n",
            path_id(verb), below, options);
    });
    return fmt::format(
        R"(#compdef zcv
# zsh completion of zcv; made by: zcv docs
_zcv() {{
    local at=zcv word
    local -a verbs options
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$at $word" in
            *' --') _normal; return ;;
{}        esac
    done
    case $at in
{}    esac
    (( ${{#verbs}} )) && _describe 'verb' verbs
    [[ $PREFIX == -* ]] && _describe 'option' options
    (( ${{#verbs}} )) || _files
}}
_zcv "$@"
)",
        case_of_paths(app, "at"), lists);
}

std::string fish_completion(const CLI::App& app) {
    std::string all = "# fish completion of zcv; made by: zcv docs\n";
    for_each_verb(app, [&](const CLI::App& verb) {
        const std::string path = path_of(verb);
        std::string seen;
        std::istringstream words(path.substr(path.find(' ') + 1));
        if (verb.get_parent() != nullptr)
            for (std::string word; words >> word;)
                seen += (seen.empty() ? "" : "; and ") +
                        std::string("__fish_seen_subcommand_from ") + word;
        std::string names;
        for (const CLI::App* below : verbs_of(verb)) names += ' ' + below->get_name();
        for (const CLI::App* below : verbs_of(verb)) {
            const std::string when = seen.empty()
                                         ? "__fish_use_subcommand"
                                         : seen + "; and not __fish_seen_subcommand_from" + names;
            all += fmt::format("complete -c zcv -n {} -f -a {} -d {}\n", quoted(when),
                               below->get_name(), quoted(short_words(below->get_description())));
        }
        const std::string when = seen.empty() ? "__fish_use_subcommand" : seen;
        for (const CLI::Option* option : options_of(verb, false)) {
            all += fmt::format("complete -c zcv -n {}", quoted(when));
            for (const std::string& name : option->get_snames()) all += " -s " + name;
            for (const std::string& name : option->get_lnames()) all += " -l " + name;
            if (const auto values = values_of(*option); !values.empty())
                all += " -x -a " + quoted(joined(values));
            else if (takes_value(*option))
                all += " -r";
            all += " -d " + quoted(short_words(option->get_description())) + '\n';
        }
    });
    return all;
}

}  // namespace zcv

#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

// What a package ships about the command line, made from the command line itself.
namespace zcv {

// A manual page in troff: of a verb what its --help says; of the program, its verbs.
std::string manual_page(const CLI::App& verb);
// "zcv-plot-lifecycle", the name of a verb's page.
std::string page_name(const CLI::App& verb);

std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

// The program, its verbs and theirs, each before its own.
void for_each_verb(const CLI::App& app, const std::function<void(const CLI::App&)>& visit);

}  // namespace zcv

// zcv check beside other checkers on the reference model, in one run on one machine: a table on
// stdout, the figures of every run in OUT/runs.csv and a plot in OUT/checker.png. Paired: in every
// round each configuration runs once, one after the other, so that a machine that is busy for a
// while is busy for all of them. Peers that are not installed are left out and said to be.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "model/checker/memory.hpp"
#include "model/checker/visited.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Shape {
    std::string name;  // "2-2-3-2"
    std::uint64_t states;
    std::uint64_t transitions;

    std::string number(std::size_t i) const { return name.substr(2 * i, 1); }
};

const std::vector<Shape> shapes{{"3-3-1-3", 1'200'112, 7'725'144},
                                {"2-2-3-2", 8'608'202, 94'266'476},
                                {"3-3-2-2", 178'911'830, 2'000'575'962}};

struct Run {
    double seconds = 0;
    double bytes = 0;  // of memory at most
    std::string out;
    int status = -1;
};

Run run(const std::string& command) {
    Run result;
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) std::abort();
    const auto began = Clock::now();
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/sh", "sh", "-c", ("exec " + command + " 2>/dev/null").c_str(), nullptr);
        _exit(127);
    }
    close(ends[1]);
    std::array<char, 4096> part{};
    for (ssize_t n; (n = read(ends[0], part.data(), part.size())) > 0;)
        result.out.append(part.data(), static_cast<std::size_t>(n));
    close(ends[0]);
    rusage usage{};
    int ended = 0;
    wait4(child, &ended, 0, &usage);
    result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    result.bytes = static_cast<double>(usage.ru_maxrss) * 1024;
    result.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return result;
}

void must(const std::string& command) {
    if (std::system((command + " >/dev/null 2>&1").c_str()) == 0) return;
    std::cerr << "checker_bench: failed: " << command << '\n';
    std::exit(5);
}

bool installed(const std::string& program) {
    return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

struct Configuration {
    std::string name;
    std::string command;
    std::string states;  // a regular expression that finds the number of states
    unsigned threads = 1;
    bool peer = false;
    bool reduced = false;  // explores less than all states, and is compared by time only
    std::vector<Run> runs = {};

    double median(double (*of)(const Run&)) const {
        std::vector<double> all;
        for (const Run& each : runs) all.push_back(of(each));
        if (all.empty()) return 0;
        std::sort(all.begin(), all.end());
        return all[all.size() / 2];
    }
    double seconds() const {
        return median([](const Run& each) { return each.seconds; });
    }
    double bytes() const {
        return median([](const Run& each) { return each.bytes; });
    }
};

std::uint64_t number_by(const std::string& expression, const std::string& text) {
    std::smatch found;
    if (!std::regex_search(text, found, std::regex(expression))) return 0;
    return std::stoull(found[1]);
}

struct Options {
    std::string zcv = ZCV_PROGRAM;
    std::string peers = ZCV_PEERS;
    std::string out = "checker-bench";
    int rounds = 5;
    double peer_seconds_max = 4000;
    std::vector<std::string> shapes{"3-3-1-3", "2-2-3-2"};
};

// --- the machine's own ceiling -------------------------------------------------------------------

// As many random inserts as the search has successors, of as many different keys as it has states,
// into a plain table in huge pages, 64 prefetched at a time: nothing a checker does can be faster.
double inserts_a_second(const Shape& shape, unsigned threads) {
    using Cell = std::atomic<std::uint64_t>;
    std::uint64_t slots = 1024;
    while (slots * 3 / 4 < shape.states) slots *= 2;
    const zcv::checker::Region region(slots * sizeof(Cell));
    region.make_huge(0, region.bytes());
    Cell* const cells = reinterpret_cast<Cell*>(region.data());
    for (std::uint64_t i = 0; i < slots; i += 512) cells[i].store(0, std::memory_order_relaxed);
    const std::uint64_t inserts = std::min<std::uint64_t>(shape.transitions, 200'000'000) / threads;
    const auto work = [&](unsigned thread) {
        std::array<std::uint64_t, 64> keys{};
        std::uint64_t random = 88172645463325252U + thread;
        for (std::uint64_t done = 0; done < inserts; done += keys.size()) {
            for (std::uint64_t& key : keys) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                key = zcv::checker::mixed(1 + random % shape.states);
                __builtin_prefetch(&cells[key & (slots - 1)], 1, 1);
            }
            for (const std::uint64_t key : keys) {
                std::uint64_t at = key & (slots - 1);
                for (;; at = (at + 1) & (slots - 1)) {
                    std::uint64_t cell = cells[at].load(std::memory_order_relaxed);
                    if (cell == key) break;
                    if (cell == 0 && (cells[at].compare_exchange_strong(cell, key) || cell == key))
                        break;
                }
            }
        }
    };
    const auto began = Clock::now();
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(work, i);
    work(0);
    for (std::thread& each : others) each.join();
    return static_cast<double>(inserts * threads) /
           std::chrono::duration<double>(Clock::now() - began).count();
}

// --- the configurations --------------------------------------------------------------------------

const std::string zcv_states = "\"states\":([0-9]+)";
const std::string spin_states = "([0-9]+) states, stored";
const std::string rumur_states = "([0-9]+) states, [0-9]+ rules";

std::vector<Configuration> of_zcv(const Options& options, const Shape& shape) {
    const std::string check = options.zcv + " check --format json reference-" + shape.name;
    return {{"zcv 1 thread", check + " --threads 1", zcv_states, 1},
            {"zcv 2 threads", check + " --threads 2", zcv_states, 2},
            {"zcv reduced", check + " --threads 2 --symmetry deep --reduction on", zcv_states, 2,
             false, true}};
}

std::vector<Configuration> of_spin(const Options& options, const Shape& shape,
                                   const std::string& folder) {
    must("cd " + folder + " && spin -a -DB=" + shape.number(0) + " -DR=" + shape.number(1) +
         " -DK=" + shape.number(2) + " -DQ=" + shape.number(3) + " " + options.peers +
         "/sendzc.pml");
    const std::string compile = "cd " + folder + " && gcc -O3 -w -DSAFETY -DNOREDUCE ";
    // The hash table is as large as it is good for Spin: about a slot a state.
    unsigned bits = 18;
    while ((std::uint64_t{1} << bits) < shape.states) ++bits;
    const std::string flags = " -E -m10000000 -w" + std::to_string(bits);
    must(compile + "-DMEMLIM=22000 -o pan-dfs pan.c");
    must(compile + "-DMEMLIM=22000 -DBFS -o pan-bfs pan.c");
    must(compile + "-DMEMLIM=22000 -DCOLLAPSE -o pan-collapse pan.c");
    must(compile + "-DMEMLIM=22000 -DNCORE=2 -DFULL_TRAIL -o pan-2 pan.c");
    return {{"Spin DFS", folder + "/pan-dfs" + flags, spin_states, 1, true},
            {"Spin BFS", folder + "/pan-bfs -E -w" + std::to_string(bits), spin_states, 1, true},
            {"Spin COLLAPSE", folder + "/pan-collapse" + flags, spin_states, 1, true},
            {"Spin NCORE=2", folder + "/pan-2" + flags, spin_states, 2, true}};
}

std::vector<Configuration> of_rumur(const Options& options, const Shape& shape,
                                    const std::string& folder) {
    std::string replace;
    const std::array<std::string, 4> names{"B", "R", "K", "Q"};
    for (std::size_t i = 0; i < names.size(); ++i)
        replace += "s/@" + names[i] + "@/" + shape.number(i) + "/g;";
    must("sed '" + replace + "' " + options.peers + "/sendzc.m >" + folder + "/sendzc.m");
    const auto make = [&](const std::string& program, unsigned threads, const std::string& how) {
        must("cd " + folder + " && rumur --deadlock-detection off --threads " +
             std::to_string(threads) + " --symmetry-reduction " + how + " sendzc.m -o " + program +
             ".c && clang -O3 -march=native -mcx16 -w " + program + ".c -o " + program +
             " -lpthread -latomic");
        return folder + "/" + program;
    };
    return {{"rumur 1 thread", make("rumur-1", 1, "off"), rumur_states, 1, true},
            {"rumur 2 threads", make("rumur-2", 2, "off"), rumur_states, 2, true},
            {"rumur symmetry", make("rumur-s", 2, "heuristic"), rumur_states, 2, true, true}};
}

// --- the report ----------------------------------------------------------------------------------

struct Measured {
    Shape shape;
    std::vector<Configuration> all;
    std::map<unsigned, std::vector<double>> ceiling;

    const Configuration& named(const std::string& name) const {
        return *std::find_if(all.begin(), all.end(),
                             [&](const Configuration& each) { return each.name == name; });
    }
    // The fastest peer with so many threads, or the leanest; null without peers.
    const Configuration* best(unsigned threads, bool reduced, bool by_bytes) const {
        const Configuration* best = nullptr;
        for (const Configuration& each : all) {
            if (!each.peer || each.reduced != reduced || each.runs.empty()) continue;
            if (!by_bytes && each.threads != threads) continue;
            const double mine = by_bytes ? each.bytes() : each.seconds();
            if (best == nullptr || mine < (by_bytes ? best->bytes() : best->seconds()))
                best = &each;
        }
        return best;
    }
    double ceiling_of(unsigned threads) const {
        std::vector<double> runs = ceiling.at(threads);
        std::sort(runs.begin(), runs.end());
        return runs[runs.size() / 2];
    }
};

void measure(const Options& options, Measured& measured, std::ofstream& csv) {
    for (int round = 0; round < options.rounds; ++round) {
        for (const unsigned threads : {1U, 2U})
            measured.ceiling[threads].push_back(inserts_a_second(measured.shape, threads));
        for (Configuration& each : measured.all) {
            // A peer that takes an hour is run once.
            const bool enough = !each.runs.empty() && each.peer &&
                                each.runs.front().seconds > options.peer_seconds_max / 10;
            if (enough) continue;
            std::cerr << "\r\033[Kreference-" << measured.shape.name << ", round " << round + 1
                      << " of " << options.rounds << ": " << each.name << std::flush;
            Run result =
                run("timeout " + std::to_string(static_cast<long>(options.peer_seconds_max)) + " " +
                    each.command);
            const std::uint64_t states = number_by(each.states, result.out);
            csv << measured.shape.name << ',' << each.name << ',' << each.threads << ','
                << result.seconds << ',' << result.bytes << ',' << states << '\n'
                << std::flush;
            if (states == 0) {
                std::cerr << "\n" << each.name << " came to no end: left out\n";
                continue;
            }
            if (!each.reduced && states != measured.shape.states) {
                std::cerr << "\n"
                          << each.name << " found " << states << " states, not "
                          << measured.shape.states << ": the models are not equal\n";
                std::exit(1);
            }
            each.runs.push_back(std::move(result));
        }
    }
    std::cerr << "\r\033[K";
}

void say(const char* what, double reached, const char* unit, double wanted, bool at_least) {
    const bool good = at_least ? reached >= wanted : reached <= wanted;
    std::printf("  %-58s %9.2f%s  wanted %s %g: %s\n", what, reached, unit,
                at_least ? "at least" : "at most", wanted, good ? "reached" : "NOT REACHED");
}

void report(const Measured& measured) {
    const auto states = static_cast<double>(measured.shape.states);
    const auto transitions = static_cast<double>(measured.shape.transitions);
    std::printf("\nreference-%s: %.0f states, %.0f transitions\n", measured.shape.name.c_str(),
                states, transitions);
    std::printf("  %-18s %10s %14s %16s %8s %5s\n", "", "seconds", "states/s", "transitions/s",
                "B/state", "runs");
    for (const Configuration& each : measured.all) {
        if (each.runs.empty()) continue;
        if (each.reduced)
            std::printf(
                "  %-18s %10.2f %14s %16s %8s %5zu  (%llu states)\n", each.name.c_str(),
                each.seconds(), "", "", "", each.runs.size(),
                static_cast<unsigned long long>(number_by(each.states, each.runs.front().out)));
        else
            std::printf("  %-18s %10.2f %14.0f %16.0f %8.1f %5zu\n", each.name.c_str(),
                        each.seconds(), states / each.seconds(), transitions / each.seconds(),
                        each.bytes() / states, each.runs.size());
    }
    const double one = measured.named("zcv 1 thread").seconds();
    const double two = measured.named("zcv 2 threads").seconds();
    for (const unsigned threads : {1U, 2U})
        std::printf("  ceiling, %u thread%s: %.1f M random inserts/s\n", threads,
                    threads == 1 ? " " : "s", measured.ceiling_of(threads) / 1e6);
    for (const unsigned threads : {1U, 2U}) {
        const double own = threads == 1 ? one : two;
        const std::string with = threads == 1 ? ", 1 thread" : ", 2 threads";
        if (const Configuration* peer = measured.best(threads, false, false))
            say(("states/s, times " + peer->name + with).c_str(), peer->seconds() / own, "", 10,
                true);
        say(("share of the ceiling" + with).c_str(),
            100 * transitions / own / measured.ceiling_of(threads), " %", 40, true);
    }
    say("2 threads, times 1 thread", one / two, "", 1.8, true);
    if (const Configuration* peer = measured.best(1, false, true))
        say(("bytes a state, share of " + peer->name).c_str(),
            100 * measured.named("zcv 1 thread").bytes() / peer->bytes(), " %", 50, false);
    const Configuration* const peer = measured.best(2, true, false);
    const Configuration* const plain = measured.best(2, false, false);
    const Configuration* best = peer;
    if (plain != nullptr && (best == nullptr || plain->seconds() < best->seconds())) best = plain;
    if (best != nullptr)
        say(("time to verdict, reduced, times " + best->name).c_str(),
            best->seconds() / measured.named("zcv reduced").seconds(), "", 100, true);
}

void plot(const Options& options, const std::vector<Measured>& all) {
    std::ofstream data(options.out + "/checker.dat");
    std::ofstream script(options.out + "/checker.gp");
    data << "name";
    for (const Measured& each : all) data << " reference-" << each.shape.name;
    data << '\n';
    for (const Configuration& column : all.front().all) {
        if (column.reduced) continue;
        data << '"' << column.name << '"';
        for (const Measured& each : all) {
            const Configuration& here = each.named(column.name);
            data << ' '
                 << (here.runs.empty()
                         ? 0
                         : static_cast<double>(each.shape.states) / here.seconds() / 1e6);
        }
        data << '\n';
    }
    script << "set terminal pngcairo size 1100,600 font 'DejaVu Sans,11'\n"
              "set output 'checker.png'\n"
              "set title 'Exact exploration of the reference model, no reduction'\n"
              "set ylabel 'million states a second'\nset logscale y\nset yrange [0.01:20]\n"
              "set style data histograms\nset style fill solid 0.8\nset grid ytics\n"
              "set xtics rotate by -25\nset key top right\n"
              "plot for [i=2:"
           << all.size() + 1 << "] 'checker.dat' using i:xtic(1) title columnheader(i)\n";
    script.close();
    data.close();
    if (installed("gnuplot")) must("cd " + options.out + " && gnuplot checker.gp");
}

Options options_of(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--rounds") {
            options.rounds = std::stoi(value);
        } else if (name == "--out") {
            options.out = value;
        } else if (name == "--zcv") {
            options.zcv = value;
        } else if (name == "--peer-seconds-max") {
            options.peer_seconds_max = std::stod(value);
        } else if (name == "--shapes") {
            options.shapes.clear();
            std::istringstream words(value);
            for (std::string word; std::getline(words, word, ',');) options.shapes.push_back(word);
        } else {
            argc = 0;
        }
    }
    if (argc % 2 == 1) return options;
    std::cerr << "checker_bench [--rounds N] [--out FOLDER] [--shapes 3-3-1-3,2-2-3-2,3-3-2-2]\n"
                 "              [--zcv PROGRAM] [--peer-seconds-max S]\n";
    std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = options_of(argc, argv);
    must("mkdir -p " + options.out);
    std::ofstream csv(options.out + "/runs.csv");
    csv << "shape,configuration,threads,seconds,bytes,states\n";
    std::vector<Measured> all;
    for (const Shape& shape : shapes) {
        if (std::count(options.shapes.begin(), options.shapes.end(), shape.name) == 0) continue;
        const std::string folder = options.out + "/peers-" + shape.name;
        must("mkdir -p " + folder);
        Measured measured{shape, of_zcv(options, shape), {}};
        const auto add = [&](const std::vector<Configuration>& peers) {
            measured.all.insert(measured.all.end(), peers.begin(), peers.end());
        };
        if (installed("spin") && installed("gcc"))
            add(of_spin(options, shape, folder));
        else
            std::cout << "Spin is left out: apt-get install spin gcc\n";
        if (installed("rumur") && installed("clang"))
            add(of_rumur(options, shape, folder));
        else
            std::cout << "rumur is left out: apt-get install rumur clang\n";
        measure(options, measured, csv);
        report(measured);
        all.push_back(std::move(measured));
    }
    if (all.empty()) return 2;
    plot(options, all);
    std::printf("\nevery run: %s/runs.csv, the plot: %s/checker.png\n", options.out.c_str(),
                options.out.c_str());
}

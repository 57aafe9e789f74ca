// zcv check beside other checkers on the reference model, in one run on one machine: a table on
// stdout, the figures of every run in OUT/runs.csv and a plot in OUT/checker.png. Paired: in every
// round each configuration runs once, one after the other, so that a machine that is busy for a
// while is busy for all of them; a ratio is the median of the rounds' ratios. Time is processor
// time where one thread works, which is what a busy machine leaves of it, and elapsed time where
// two do. A peer that is not done after --peer-seconds-max counts with the rate it had until then:
// its table was emptier than it would have become, so that rate flatters it. Peers that are not
// installed are left out and said to be.
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
#include <ctime>
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
    double cpu_seconds = 0;
    double bytes = 0;  // of memory at most
    std::string out;
    int status = -1;
    std::uint64_t states = 0;
    bool whole = false;  // else cut off by --peer-seconds-max
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
    const auto seconds_of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    result.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    result.bytes = static_cast<double>(usage.ru_maxrss) * 1024;
    result.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return result;
}

void must(const std::string& command) {
    if (std::system(("( " + command + " ) >/dev/null 2>&1").c_str()) == 0) return;
    std::cerr << "checker_bench: failed: " << command << '\n';
    std::exit(5);
}

bool installed(const std::string& program) {
    return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

struct Configuration {
    std::string name;
    std::string command;
    std::string states;    // a regular expression that finds the number of states at the end
    std::string progress;  // and one that finds it on the way, the last counts
    unsigned threads = 1;
    bool peer = false;
    bool reduced = false;  // explores less than all states, and is compared by time only
    std::vector<Run> runs = {};

    double time_of(const Run& run) const { return threads == 1 ? run.cpu_seconds : run.seconds; }
    double rate_of(const Run& run) const { return static_cast<double>(run.states) / time_of(run); }
    double median_of(auto&& what) const {
        std::vector<double> all;
        for (const Run& each : runs) all.push_back(what(each));
        return median(std::move(all));
    }
    double time() const {
        return median_of([&](const Run& run) { return time_of(run); });
    }
    double rate() const {
        return median_of([&](const Run& run) { return rate_of(run); });
    }
    double bytes() const {
        return median_of([](const Run& run) { return run.bytes; });
    }
    bool whole() const {
        return std::all_of(runs.begin(), runs.end(), [](const Run& run) { return run.whole; });
    }
};

// The median over the rounds of what() of both; the last run of one that ran less often.
double paired(const Configuration& a, const Configuration& b, auto&& what) {
    std::vector<double> all;
    for (std::size_t i = 0; i < std::max(a.runs.size(), b.runs.size()); ++i)
        all.push_back(
            what(a.runs[std::min(i, a.runs.size() - 1)], b.runs[std::min(i, b.runs.size() - 1)]));
    return median(std::move(all));
}

enum class Match { first, last };

// 0 when there is none.
std::uint64_t number_by(const std::string& expression, const std::string& text, Match which) {
    const std::regex what(expression);
    double number = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at) {
        number = std::stod((*at)[1]);
        if (which == Match::first) break;
    }
    return static_cast<std::uint64_t>(number);
}

struct Options {
    std::string zcv = ZCV_PROGRAM;
    std::string peers = ZCV_PEERS;
    std::string out = "checker-bench";
    int rounds = 5;
    double peer_seconds_max = 60;
    std::vector<std::string> shapes{"3-3-1-3", "2-2-3-2"};
};

// --- the machine's own ceiling -------------------------------------------------------------------

// As many random inserts as the search has successors, of as many different keys as it has states,
// into a plain table in huge pages, 64 prefetched at a time: nothing that looks up one successor
// after the other can be faster.
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
    const std::clock_t cpu_began = std::clock();
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(work, i);
    work(0);
    for (std::thread& each : others) each.join();
    const double cpu_seconds = static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC;
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return static_cast<double>(inserts * threads) / (threads == 1 ? cpu_seconds : seconds);
}

// --- the configurations --------------------------------------------------------------------------

const std::string zcv_states = "\"states\":([0-9]+)";
const std::string spin_states = "([0-9]+) states, stored";
const std::string spin_progress = "States= *([0-9.e+]+)";
const std::string rumur_states = "([0-9]+) states, [0-9]+ rules";
const std::string rumur_progress = "([0-9]+) states explored";

std::vector<Configuration> of_zcv(const Options& options, const Shape& shape) {
    const std::string check = options.zcv + " check --format json reference-" + shape.name;
    return {{"zcv 1 thread", check + " --threads 1", zcv_states, "", 1},
            {"zcv 2 threads", check + " --threads 2", zcv_states, "", 2},
            {"zcv reduced", check + " --threads 2 --symmetry deep --reduction on", zcv_states, "",
             2, false, true}};
}

std::vector<Configuration> of_spin(const Options& options, const Shape& shape,
                                   const std::string& folder) {
    const auto generate = [&](const std::string& more) {
        must("cd " + folder + " && spin -a -DB=" + shape.number(0) + " -DR=" + shape.number(1) +
             " -DK=" + shape.number(2) + " -DQ=" + shape.number(3) + more + " " + options.peers +
             "/sendzc.pml");
    };
    const std::string compile = "cd " + folder + " && gcc -O3 -w -DSAFETY -DNOREDUCE ";
    // The hash table is as large as it is good for Spin: about a slot a state.
    unsigned bits = 18;
    while ((std::uint64_t{1} << bits) < shape.states) ++bits;
    const std::string flags = " -E -m10000000 -w" + std::to_string(bits);
    generate(" -DNOTHING_HIDDEN");
    must(compile + "-DMEMLIM=22000 -DBFS -o pan-bfs pan.c");
    must(compile + "-DMEMLIM=22000 -DNCORE=2 -DFULL_TRAIL -o pan-2 pan.c");
    generate("");
    must(compile + "-DMEMLIM=22000 -o pan-dfs pan.c");
    must(compile + "-DMEMLIM=22000 -DCOLLAPSE -o pan-collapse pan.c");
    return {
        {"Spin DFS", folder + "/pan-dfs" + flags, spin_states, spin_progress, 1, true},
        {"Spin BFS", folder + "/pan-bfs -E -w" + std::to_string(bits), spin_states, spin_progress,
         1, true},
        {"Spin COLLAPSE", folder + "/pan-collapse" + flags, spin_states, spin_progress, 1, true},
        {"Spin NCORE=2", folder + "/pan-2" + flags, spin_states, spin_progress, 2, true}};
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
    return {{"rumur 1 thread", make("rumur-1", 1, "off"), rumur_states, rumur_progress, 1, true},
            {"rumur 2 threads", make("rumur-2", 2, "off"), rumur_states, rumur_progress, 2, true},
            {"rumur symmetry", make("rumur-s", 2, "heuristic"), rumur_states, rumur_progress, 2,
             true, true}};
}

// --- the report ----------------------------------------------------------------------------------

struct Measured {
    Shape shape;
    std::vector<Configuration> all;
    std::map<unsigned, std::vector<double>> ceiling;  // by threads, one for each round

    const Configuration& named(const std::string& name) const {
        return *std::find_if(all.begin(), all.end(),
                             [&](const Configuration& each) { return each.name == name; });
    }
    // The peer of those `fit` that has the most of what(); null when there is none.
    const Configuration* best(auto&& fit, auto&& what) const {
        const Configuration* best = nullptr;
        for (const Configuration& each : all) {
            if (!each.peer || each.runs.empty() || !fit(each)) continue;
            if (best == nullptr || what(each) > what(*best)) best = &each;
        }
        return best;
    }
};

std::string bounded(const Options& options, const Configuration& what) {
    if (!what.peer) return what.command;
    // Asked to end it says how far it came; it is given a second for that.
    return "timeout -k 1 " + std::to_string(static_cast<long>(options.peer_seconds_max)) + " " +
           what.command;
}

// False: it came to nothing that can be counted.
bool count_states(const Measured& measured, const Configuration& what, Run& run) {
    run.states = number_by(what.states, run.out, Match::first);
    run.whole = run.states != 0;
    if (!run.whole && !what.progress.empty())
        run.states = number_by(what.progress, run.out, Match::last);
    if (run.states == 0) {
        std::cerr << '\n' << what.name << " came to no end: left out\n";
        return false;
    }
    if (run.whole && !what.reduced && run.states != measured.shape.states) {
        std::cerr << '\n'
                  << what.name << " found " << run.states << " states, not "
                  << measured.shape.states << ": the models are not equal\n";
        std::exit(1);
    }
    return true;
}

void measure(const Options& options, Measured& measured, std::ofstream& csv) {
    for (int round = 0; round < options.rounds; ++round) {
        for (const unsigned threads : {1U, 2U}) {
            const double rate = inserts_a_second(measured.shape, threads);
            measured.ceiling[threads].push_back(rate);
            csv << measured.shape.name << ",random inserts/s," << threads << ",,,,"
                << static_cast<std::uint64_t>(rate) << ",\n";
        }
        for (Configuration& each : measured.all) {
            std::cerr << "\r\033[Kreference-" << measured.shape.name << ", round " << round + 1
                      << " of " << options.rounds << ": " << each.name << std::flush;
            Run result = run(bounded(options, each));
            if (!count_states(measured, each, result)) continue;
            csv << measured.shape.name << ',' << each.name << ',' << each.threads << ','
                << result.seconds << ',' << result.cpu_seconds << ',' << result.bytes << ','
                << result.states << ',' << (result.whole ? "whole" : "cut off") << '\n'
                << std::flush;
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

void print_table(const Measured& measured) {
    const auto states = static_cast<double>(measured.shape.states);
    const double branching = static_cast<double>(measured.shape.transitions) / states;
    std::printf("\nreference-%s: %llu states, %llu transitions\n", measured.shape.name.c_str(),
                static_cast<unsigned long long>(measured.shape.states),
                static_cast<unsigned long long>(measured.shape.transitions));
    std::printf("  %-18s %10s %12s %14s %8s %5s\n", "", "seconds", "M states/s", "M transitions/s",
                "B/state", "runs");
    for (const Configuration& each : measured.all) {
        if (each.runs.empty()) continue;
        std::printf("  %-18s %9.2f%c ", each.name.c_str(), each.time(), each.whole() ? ' ' : '+');
        if (each.reduced)
            std::printf("%12s %14s %8s %5zu  (%llu states)\n", "", "", "", each.runs.size(),
                        static_cast<unsigned long long>(each.runs.front().states));
        else
            std::printf(
                "%12.3f %14.2f %8.1f %5zu\n", each.rate() / 1e6, each.rate() / 1e6 * branching,
                each.bytes() / static_cast<double>(each.runs.front().states), each.runs.size());
    }
    for (const unsigned threads : {1U, 2U})
        std::printf("  ceiling, %u thread%s: %.1f M random inserts/s\n", threads,
                    threads == 1 ? " " : "s", median(measured.ceiling.at(threads)) / 1e6);
}

void compare_rates(const Measured& measured, unsigned threads) {
    const Configuration& own = measured.named(threads == 1 ? "zcv 1 thread" : "zcv 2 threads");
    const std::string with = threads == 1 ? ", 1 thread" : ", 2 threads";
    const Configuration* const peer = measured.best(
        [&](const Configuration& each) { return each.threads == threads && !each.reduced; },
        [](const Configuration& each) { return each.rate(); });
    if (peer != nullptr)
        say(("states/s, times " + peer->name + with).c_str(),
            paired(own, *peer,
                   [&](const Run& a, const Run& b) { return own.rate_of(a) / peer->rate_of(b); }),
            "", 10, true);
    std::vector<double> shares;
    const auto transitions = static_cast<double>(measured.shape.transitions);
    for (std::size_t i = 0; i < own.runs.size(); ++i)
        shares.push_back(100 * transitions / own.time_of(own.runs[i]) /
                         measured.ceiling.at(threads)[i]);
    say(("share of the ceiling" + with).c_str(), median(std::move(shares)), " %", 40, true);
}

void report(const Measured& measured) {
    print_table(measured);
    for (const unsigned threads : {1U, 2U}) compare_rates(measured, threads);
    const Configuration& one = measured.named("zcv 1 thread");
    const Configuration& two = measured.named("zcv 2 threads");
    say("2 threads, times 1 thread",
        paired(one, two, [](const Run& a, const Run& b) { return a.seconds / b.seconds; }), "", 1.8,
        true);
    const Configuration* const leanest =
        measured.best([](const Configuration& each) { return !each.reduced && each.whole(); },
                      [](const Configuration& each) { return -each.bytes(); });
    if (leanest != nullptr)
        say(("bytes a state, share of " + leanest->name).c_str(),
            100 * one.bytes() / leanest->bytes(), " %", 50, false);
    const Configuration& reduced = measured.named("zcv reduced");
    const Configuration* const fastest =
        measured.best([](const Configuration&) { return true; },
                      [](const Configuration& each) {
                          return -each.median_of([](const Run& run) { return run.seconds; });
                      });
    if (fastest == nullptr || measured.shape.states < 100'000'000) return;
    const std::string until =
        fastest->whole()
            ? ""
            : ", cut off after " +
                  std::to_string(static_cast<long>(fastest->runs.front().seconds)) + " s";
    say(("time to verdict, reduced, times " + fastest->name + until).c_str(),
        paired(*fastest, reduced, [](const Run& a, const Run& b) { return a.seconds / b.seconds; }),
        "", 100, true);
}

// A group of bars for each configuration, a bar for each shape.
void plot(const Options& options, const std::vector<Measured>& all) {
    std::ofstream data(options.out + "/checker.dat");
    std::ofstream script(options.out + "/checker.gp");
    data << "name";
    for (const Measured& each : all) {
        std::ostringstream millions;
        millions.precision(3);
        millions << static_cast<double>(each.shape.states) / 1e6;
        data << " \"reference-" << each.shape.name << ": " << millions.str() << " M states\"";
    }
    data << '\n';
    for (const Configuration& column : all.front().all) {
        if (column.reduced) continue;
        data << '"' << column.name << '"';
        for (const Measured& each : all) {
            const Configuration& here = each.named(column.name);
            data << ' ';
            if (here.runs.empty())
                data << "NaN";
            else
                data << here.rate() / 1e6;
        }
        data << '\n';
    }
    // Okabe and Ito's colours, from dark to light, so that they differ in grey as well.
    script << "set terminal pngcairo size 1200,640 font 'DejaVu Sans,12'\n"
              "set output 'checker.png'\n"
              "set title 'Exact exploration of the reference model, no reduction'\n"
              "set ylabel 'million states a second'\nset logscale y\nset yrange [0.03:10]\n"
              "set style data histograms\nset style histogram clustered gap 1.5\n"
              "set style fill solid border -1\nset boxwidth 0.95\nset border 3\n"
              "set grid ytics lc rgb '#cccccc'\nset xtics nomirror rotate by -20\n"
              "set ytics nomirror\nset rmargin 9\nset key top right samplen 1\n"
              "colours = '#0072b2 #e69f00 #cce5f3'\n"
              "n = "
           << all.size()
           << "\nplot for [i=2:n+1] 'checker.dat' using i:xtic(1) lc rgb word(colours, i-1) "
              "title columnheader(i), for [i=2:n+1] '' using "
              "($0-1+(i-2-(n-1)/2.0)/(n+1.5)):(column(i)*1.15):(sprintf('%.2g', column(i))) "
              "with labels font ',9' notitle\n";
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
    csv << "shape,configuration,threads,seconds,cpu_seconds,bytes,states,ended\n";
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
        for (const Configuration& each : measured.all)
            if (!each.peer && each.runs.empty()) {
                std::cerr << "checker_bench: " << each.name << " came to no end: see runs.csv\n";
                return 1;
            }
        report(measured);
        all.push_back(std::move(measured));
    }
    if (all.empty()) return 2;
    plot(options, all);
    std::printf("\nevery run: %s/runs.csv, the plot: %s/checker.png\n", options.out.c_str(),
                options.out.c_str());
}

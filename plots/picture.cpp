#include "plots/picture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "model/outcome.hpp"

extern char** environ;

namespace zcv {
namespace {

namespace fs = std::filesystem;

// The largest figure takes gnuplot about a second, and dot a few. One that takes minutes will not
// end at all.
constexpr auto patience = std::chrono::seconds(120);

Refusal unwritable(const std::string& path, const std::string& why) {
    return {Status::usage,
            fmt::format("cannot write '{}': {}: choose another place with -o FILE", path, why)};
}

// A file without a name, for what goes into gnuplot and what it complains about: nothing to clean
// up, and no pipe to fill up or to break.
class NamelessFile {
  public:
    NamelessFile() : fd_(memfd_create("zcv-plot", MFD_CLOEXEC)) {
        if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    }
    ~NamelessFile() { close(fd_); }
    NamelessFile(const NamelessFile&) = delete;
    NamelessFile& operator=(const NamelessFile&) = delete;

    int fd() const { return fd_; }

    // A stream of its own on the same file, for a user who closes what it is given.
    std::FILE* stream() const {
        const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
        std::FILE* file = copy < 0 ? nullptr : fdopen(copy, "w");
        if (file == nullptr) throw std::system_error(errno, std::generic_category(), "fdopen");
        return file;
    }

    // Of what programs say the beginning is enough.
    std::string text(std::size_t most = 65536) const {
        std::string all;
        std::array<char, 65536> part{};
        ssize_t got = 0;
        while (all.size() < most &&
               (got = pread(fd_, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0) {
            all.append(part.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

  private:
    int fd_;
};

// gnuplot echoes the line, points at the place and then says what is wrong; the last line that is
// more than a pointer is the one to pass on.
std::string complaint_in(const std::string& text) {
    std::string last;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        const std::size_t first = line.find_first_not_of(" \t^\r");
        if (first != std::string::npos) last = line.substr(first);
        begin = end + 1;
    }
    return last.empty() ? "no reason given" : last;
}

int wait_for(pid_t child, const std::string& program) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        int state = 0;
        const pid_t done = waitpid(child, &state, WNOHANG);
        if (done == child) return state;
        if (done < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "waitpid");
        }
        if (std::chrono::steady_clock::now() > deadline) {
            kill(child, SIGKILL);
            waitpid(child, &state, 0);
            throw Refusal(Status::unable,
                          fmt::format("{}: not done after {} s, stopped: draw a part of it "
                                      "(see --help)",
                                      program, patience.count()));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

// A program that draws: its words, and the packages that have it.
struct Drawer {
    std::vector<std::string> words;
    const char* packages;
};

// It reads its script from `script` and leaves the picture in `output`.
void run_drawer(Drawer drawer, const NamelessFile& script, int output) {
    const std::string name = drawer.words.front();
    const NamelessFile complaints;
    lseek(script.fd(), 0, SEEK_SET);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, script.fd(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, complaints.fd(), STDERR_FILENO);
    std::vector<char*> argv;
    for (std::string& word : drawer.words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    const int rc = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc == ENOENT || rc == EACCES) {
        throw Refusal(Status::unable, fmt::format("{}: not found on the PATH: apt-get install {}",
                                                  name, drawer.packages));
    }
    if (rc != 0) throw std::system_error(rc, std::generic_category(), "posix_spawnp " + name);
    const int state = wait_for(child, name);
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        throw Refusal(Status::unable,
                      fmt::format("{}: it failed ({}): check it with: {} --version; "
                                  "apt-get install {} fonts-dejavu-core",
                                  name, complaint_in(complaints.text()), name, drawer.packages));
    }
}

void run_gnuplot(const std::function<void(Gnuplot&)>& figure, int output) {
    const NamelessFile script;
    {
        Gnuplot gp(script.stream());
        figure(gp);
    }
    // -d: somebody's own ~/.gnuplot must not change what the figure looks like.
    run_drawer({{"gnuplot", "-d"}, "gnuplot-nox"}, script, output);
}

// gnuplot does not notice when the disk fills up under it; a picture without its end mark is
// broken.
bool is_whole(int output, PictureKind kind) {
    constexpr off_t tail_bytes = 64;
    struct stat made {};
    if (fstat(output, &made) != 0 || made.st_size == 0) return false;
    std::string tail(static_cast<std::size_t>(tail_bytes), '\0');
    const ssize_t got =
        pread(output, tail.data(), tail.size(), std::max<off_t>(0, made.st_size - tail_bytes));
    if (got <= 0) return false;
    tail.resize(static_cast<std::size_t>(got));
    const char* mark = kind == PictureKind::png   ? "IEND"
                       : kind == PictureKind::svg ? "</svg>"
                                                  : "%%EOF";
    return tail.find(mark) != std::string::npos;
}

}  // namespace

PictureKind picture_kind(const std::string& path, const std::string& more) {
    std::string ending = fs::path(path).extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (ending == ".png") return PictureKind::png;
    if (ending == ".svg") return PictureKind::svg;
    if (ending == ".pdf") return PictureKind::pdf;
    throw Refusal(
        Status::usage,
        fmt::format("output '{}': the ending says which kind of picture, and "
                    "{}: name it .png{}, .svg or .pdf",
                    path, ending.empty() ? "it has none" : "'" + ending + "' is none we draw",
                    more));
}

const Theme& light_theme() {
    static const Theme theme{.ground = "#FFFFFF",
                             .ink = "#000000",
                             .text = "#404040",
                             .frame = "#595959",
                             .grid = "#E6E6E6",
                             .panel = "#F3F3F3",
                             .phase = {"#BDBDBD", "#56B4E9", "#0072B2", "#F0E442"},
                             .good = "#009E73",
                             .unknown = "#595959"};
    return theme;
}

const Theme& theme_named(const std::string& name) {
    static const Theme dark{.ground = "#15181C",
                            .ink = "#F2F2F2",
                            .text = "#D0D3D6",
                            .frame = "#8B9197",
                            .grid = "#2C3137",
                            .panel = "#22272D",
                            .phase = {"#4A5056", "#8CCBF2", "#2E86C8", "#F0E442"},
                            .good = "#1FBF92",
                            .unknown = "#A9AEB4"};
    if (name == "light") return light_theme();
    if (name == "dark") return dark;
    throw Refusal(Status::usage, "--theme " + name + ": no such theme: choose light or dark");
}

std::string terminal_of(PictureKind kind, int width_px, int height_px, const Theme& theme) {
    const std::string ground = fmt::format("background rgb '{}'", theme.ground);
    const std::string font = "noenhanced font 'DejaVu Sans,11'";
    if (kind == PictureKind::png) {
        return fmt::format("set terminal pngcairo {} {} size {},{}\n", font, ground, width_px,
                           height_px);
    }
    if (kind == PictureKind::svg) {
        // SVG has no points of its own: 11 pt on a 96 dpi screen are 14.7 px.
        return fmt::format("set terminal svg {} fontscale 1.3333 {} size {},{}\n", font, ground,
                           width_px, height_px);
    }
    // Measured: with these, words, lines and points have the size that they have in a PNG.
    return fmt::format(
        "set terminal pdfcairo {} fontscale 0.75 linewidth 1.6 pointscale 0.75 {} size "
        "{:.3f}in,{:.3f}in\n",
        font, ground, width_px / 96.0, height_px / 96.0);
}

double text_width_px(const std::string& text, double points) {
    double ems = 0;
    for (const char c : text) {
        if ((c & 0xc0) == 0x80) continue;  // the rest of a character already counted
        const bool narrow =
            std::string_view("ijlI.,:;'|!()[] ftr-/").find(c) != std::string_view::npos;
        const bool wide = std::string_view("mwMW@%").find(c) != std::string_view::npos;
        ems += wide ? 0.95 : narrow ? 0.4 : c >= 'A' && c <= 'Z' ? 0.72 : 0.63;
    }
    return ems * points * 96 / 72;
}

std::string gnuplot_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') {
            quoted += "''";
        } else {
            quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
        }
    }
    return quoted + "'";
}

Picture::Picture(const std::string& path, const std::string& more_endings)
    : path_(path), kind_(picture_kind(path, more_endings)) {
    std::error_code error;
    target_ = path;
    if (const fs::path real = fs::canonical(path, error); !error) {
        target_ = real.string();
        if (fs::is_directory(real)) throw unwritable(path, "it is a directory");
        if (!fs::is_regular_file(real)) throw unwritable(path, "it is not a regular file");
        if (access(real.c_str(), W_OK) != 0) throw unwritable(path, std::strerror(errno));
    }
    // In the same folder, because only there can a rename replace the old picture in one moment.
    const fs::path place(target_);
    draft_ = (place.parent_path() / ("." + place.filename().string() + ".XXXXXX")).string();
    output_ = mkostemp(draft_.data(), O_CLOEXEC);
    if (output_ < 0) {
        const std::string why = std::strerror(errno);
        draft_.clear();
        throw unwritable(path, why);
    }
}

Picture::~Picture() {
    if (output_ >= 0) close(output_);
    if (!draft_.empty()) unlink(draft_.c_str());
}

void Picture::draw(const std::function<void(Gnuplot&)>& figure) {
    if (kind_ != PictureKind::svg) {
        run_gnuplot(figure, output_);
    } else {
        const std::string svg = svg_of(figure);
        for (std::size_t put = 0; put < svg.size();) {
            const ssize_t more = write(output_, svg.data() + put, svg.size() - put);
            if (more < 0 && errno == EINTR) continue;
            if (more <= 0) throw unwritable(path_, std::strerror(errno));
            put += static_cast<std::size_t>(more);
        }
    }
    keep("gnuplot");
}

// gnuplot takes "DejaVu Sans:Bold" for a family, which no viewer has.
std::string svg_of(const std::function<void(Gnuplot&)>& figure) {
    const NamelessFile output;
    run_gnuplot(figure, output.fd());
    if (!is_whole(output.fd(), PictureKind::svg))
        throw Refusal(Status::unable, "gnuplot: could not write all of an SVG: free some memory");
    std::string svg = output.text(std::numeric_limits<std::size_t>::max());
    constexpr std::string_view bold = ":Bold\"";
    for (std::size_t at = 0; (at = svg.find(bold, at)) != std::string::npos;)
        svg.replace(at, bold.size(), "\" font-weight=\"bold\"");
    return svg;
}

void Picture::draw_graph(const std::string& dot) {
    const NamelessFile script;
    std::FILE* const file = script.stream();
    const bool written = std::fwrite(dot.data(), 1, dot.size(), file) == dot.size();
    if (std::fclose(file) != 0 || !written)
        throw std::system_error(errno, std::generic_category(), "writing for dot");
    const char* const form = kind_ == PictureKind::png   ? "-Tpng:cairo"
                             : kind_ == PictureKind::svg ? "-Tsvg"
                                                         : "-Tpdf";
    run_drawer({{"dot", form}, "graphviz"}, script, output_);
    keep("dot");
}

void Picture::keep(const char* program) {
    if (!is_whole(output_, kind_))
        throw unwritable(path_, fmt::format("{} could not write all of it", program));
    // mkostemp() makes a private file; a picture gets what any new file of this user would get.
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(output_, 0666 & ~mask);
    if (rename(draft_.c_str(), target_.c_str()) != 0) {
        throw unwritable(path_, std::strerror(errno));
    }
    draft_.clear();
}

}  // namespace zcv

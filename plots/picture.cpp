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
#include <system_error>
#include <thread>

#include "model/outcome.hpp"

extern char** environ;

namespace zcv {
namespace {

namespace fs = std::filesystem;

// The largest figure takes gnuplot about a second. One that takes minutes will not end at all.
constexpr auto gnuplot_patience = std::chrono::seconds(120);

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

    std::string text() const {
        std::string all;
        std::array<char, 4096> part{};
        ssize_t got = 0;
        while (all.size() < 65536 &&
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

int wait_for(pid_t child) {
    const auto deadline = std::chrono::steady_clock::now() + gnuplot_patience;
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
                          fmt::format("gnuplot: not done after {} s, stopped: draw a part with "
                                      "--from MS --to MS",
                                      gnuplot_patience.count()));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

// gnuplot reads its script from `script` and leaves the picture in `output`.
void run_gnuplot(const NamelessFile& script, int output) {
    const NamelessFile complaints;
    lseek(script.fd(), 0, SEEK_SET);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, script.fd(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, complaints.fd(), STDERR_FILENO);
    // -d: somebody's own ~/.gnuplot must not change what the figure looks like.
    std::array<std::string, 2> words{"gnuplot", "-d"};
    std::array<char*, 3> argv{words[0].data(), words[1].data(), nullptr};
    pid_t child = 0;
    const int rc = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc == ENOENT || rc == EACCES) {
        throw Refusal(Status::unable,
                      "gnuplot: not found on the PATH: apt-get install gnuplot-nox");
    }
    if (rc != 0) throw std::system_error(rc, std::generic_category(), "posix_spawnp gnuplot");
    const int state = wait_for(child);
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        throw Refusal(Status::unable,
                      fmt::format("gnuplot: it failed ({}): check it with: gnuplot --version; "
                                  "apt-get install gnuplot-nox fonts-dejavu-core",
                                  complaint_in(complaints.text())));
    }
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

PictureKind picture_kind(const std::string& path) {
    std::string ending = fs::path(path).extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (ending == ".png") return PictureKind::png;
    if (ending == ".svg") return PictureKind::svg;
    if (ending == ".pdf") return PictureKind::pdf;
    throw Refusal(
        Status::usage,
        fmt::format("output '{}': the ending says which kind of picture, and "
                    "{}: name it .png, .svg or .pdf",
                    path, ending.empty() ? "it has none" : "'" + ending + "' is none we draw"));
}

std::string terminal_of(PictureKind kind, int width_px, int height_px) {
    const std::string font = "noenhanced font 'DejaVu Sans,11'";
    if (kind == PictureKind::png) {
        return fmt::format("set terminal pngcairo {} background rgb 'white' size {},{}\n", font,
                           width_px, height_px);
    }
    if (kind == PictureKind::svg) {
        // SVG has no points of its own: 11 pt on a 96 dpi screen are 14.7 px.
        return fmt::format(
            "set terminal svg noenhanced font 'DejaVu Sans,14.7' background rgb "
            "'white' size {},{}\n",
            width_px, height_px);
    }
    return fmt::format("set terminal pdfcairo {} background rgb 'white' size {:.3f}in,{:.3f}in\n",
                       font, width_px / 96.0, height_px / 96.0);
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

Picture::Picture(const std::string& path) : path_(path), kind_(picture_kind(path)) {
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
    const NamelessFile script;
    {
        Gnuplot gp(script.stream());
        figure(gp);
    }
    run_gnuplot(script, output_);
    if (!is_whole(output_, kind_)) throw unwritable(path_, "gnuplot could not write all of it");
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

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// States on disk, level by level: the frontier when memory is for the visited set, and the
// checkpoint, which is the same file kept. A record is written in one piece with its checksum, and
// a level counts when the record that ends it is there, so a file cut anywhere is good up to its
// last whole level. Left out: fsync(); what the kernel has survives the process, not the power.
namespace zcv::checker {

class LevelFile {
  public:
    struct Header {
        std::uint64_t magic;
        std::uint32_t kind;
        std::uint32_t count;  // states, or words of what a level ends with
        std::uint64_t level;
        std::uint64_t checksum;  // of the payload
    };
    enum Kind : std::uint32_t { key, states, level_end };

    LevelFile() = default;
    ~LevelFile();
    LevelFile(const LevelFile&) = delete;
    LevelFile& operator=(const LevelFile&) = delete;

    // All of them throw Refusal(usage) when the outside does not let them.
    void create_temporary(const std::string& folder, std::size_t words);
    // `search` says what is searched for and how: a resumed search must be the same.
    void create(const std::string& file, const std::string& search, std::size_t words);
    // Finds the last whole level, cuts off what follows it and returns the numbers it ended with.
    // Without a whole level there is nothing to resume: refused.
    std::vector<std::uint64_t> open(const std::string& file, const std::string& search,
                                    std::size_t words);
    // Hands over every record of states: its level, where it is, how many states, the states.
    void each_states(const std::function<void(std::uint64_t level, std::uint64_t at,
                                              std::uint32_t count, const std::uint64_t*)>& use);

    bool is_open() const { return fd_ >= 0; }
    const std::string& name() const { return name_; }
    // Safe for several threads. Where the record is; none when the disk did not take it, and
    // complaint() says why.
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    std::uint64_t append(Kind kind, std::uint64_t level, std::uint32_t count,
                         const std::uint64_t* payload, std::size_t payload_words);
    // The payload of the record at `at`.
    bool read(std::uint64_t at, std::uint64_t* payload, std::size_t payload_words) const;
    void clear();  // of a temporary file: its level was expanded
    std::string complaint() const;

  private:
    void open_for(const std::string& file, int flags);
    bool read_record(std::uint64_t at, Header& header, std::vector<std::uint64_t>& payload) const;
    [[noreturn]] void refuse(const std::string& what) const;
    std::size_t payload_words(const Header& header) const;

    int fd_ = -1;
    std::string name_;
    std::size_t words_ = 0;
    std::atomic<std::uint64_t> end_{0};
    std::atomic<int> error_{0};
};

}  // namespace zcv::checker

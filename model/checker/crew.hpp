#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace zcv::checker {

// A number of threads that do the same work side by side, again and again. The caller is the first
// of them; the others sleep between two calls of run().
class Crew {
  public:
    using Work = std::function<void(unsigned thread)>;

    explicit Crew(unsigned threads) : threads_(threads) {}
    ~Crew() {
        work_ = nullptr;
        begin();
        for (std::thread& thread : others_) thread.join();
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    // Returns when all are done. The work must not throw.
    void run(const Work& work) {
        // Nothing is started for a search that is over before it needs them.
        for (auto i = static_cast<unsigned>(others_.size()) + 1; i < threads_; ++i)
            others_.emplace_back([this, i, seen = round_.load()] { attend(i, seen); });
        work_ = &work;
        busy_ = threads_ - 1;
        begin();
        work(0);
        for (unsigned left = busy_; left != 0; left = busy_) busy_.wait(left);
    }
    unsigned threads() const { return threads_; }

  private:
    void begin() {
        ++round_;
        round_.notify_all();
    }
    void attend(unsigned thread, std::uint64_t seen) {
        for (;;) {
            round_.wait(seen);
            seen = round_;
            const Work* const work = work_;
            if (work == nullptr) return;
            (*work)(thread);
            if (--busy_ == 0) busy_.notify_one();
        }
    }

    unsigned threads_;
    std::vector<std::thread> others_;
    std::atomic<const Work*> work_{nullptr};
    std::atomic<std::uint64_t> round_{0};
    std::atomic<unsigned> busy_{0};
};

}  // namespace zcv::checker

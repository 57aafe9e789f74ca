#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "realimpl/compare_worker.hpp"
#include "realimpl/drive_children.hpp"

namespace zcv::compare {

// How far it is, from 0 to 1.
using Progress = std::function<void(double)>;

// One thing to be timed at a place, and what its rounds gave.
struct Turn {
    std::size_t place = 0;  // an index
    Order order;
    std::vector<Slice> slices = {};
};

class Worker;

// Places with their processes, for as long as it lives. All turns are taken in every round, so that
// noise meets all alike.
class Session {
  public:
    // A place that cannot be made is left out, and `left_out` says why.
    Session(const std::vector<Place>& places, const std::vector<clock::DataPath>& paths,
            std::uint32_t bytes_max, std::vector<std::string>& left_out);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const std::vector<Place>& places() const { return places_; }
    // A place whose process could not go on has no turns any more.
    bool is_lost(std::size_t place) const { return lost_[place]; }
    // Returns how long a slice was.
    double run(std::vector<Turn>& turns, unsigned rounds, double seconds, const Progress& progress);

  private:
    void take(Turn& turn, double slice_ms);
    void leave_out(const Place& place, const std::string& why);

    std::vector<std::string>& left_out_;
    const drive::SignalsHeld signals_;
    const drive::Subreaper subreaper_;
    std::vector<Place> places_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<bool> lost_;
};

// Runs the body with a session. When a signal asks to stop, its processes and namespaces are gone
// and this process dies of the signal.
void in_session(const std::vector<Place>& places, const std::vector<clock::DataPath>& paths,
                std::uint32_t bytes_max, std::vector<std::string>& left_out,
                const std::function<void(Session&)>& body);

}  // namespace zcv::compare

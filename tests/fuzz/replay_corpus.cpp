// Writes each capture as an input of replay_fuzz: replay_corpus FOLDER TRACE...
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/fuzz/record_list.hpp"

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: replay_corpus FOLDER TRACE...\n";
        return 2;
    }
    std::filesystem::create_directories(argv[1]);
    for (int i = 2; i < argc; ++i) {
        const auto bytes = zcv::fuzz::bytes_of(zcv::read_trace(argv[i]));
        // Captures of two kernels may have one name.
        const std::string name =
            std::to_string(i - 1) + "-" + std::filesystem::path(argv[i]).stem().string();
        std::ofstream out(std::filesystem::path(argv[1]) / name, std::ios::binary);
        out.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) {
            std::cerr << "replay_corpus: " << argv[1] << ": cannot be written\n";
            return 1;
        }
    }
    return 0;
}

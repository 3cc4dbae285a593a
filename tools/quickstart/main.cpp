// SPDX-License-Identifier: Apache-2.0
// The main job: draws the Mandelbrot set and counts primes, first in this process alone, then on a
// pool of workers, of which one is killed half-way.

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <complex>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Pixel = std::array<std::uint8_t, 3>;

constexpr int kLimit = 2000;
constexpr int kBandRows = 8;
constexpr long kPrimesBelow = 30'000'000;
constexpr long kPrimesStep = 500'000;

struct Band {
  int width;
  int height;
  int first_row;
};

struct Slice {
  long first;
  long last;  // not included
};

int escape_time(std::complex<double> c) {
  std::complex<double> z = 0;
  int steps = 0;
  while (std::norm(z) <= 4.0 && steps < kLimit) {
    z = z * z + c;
    ++steps;
  }
  return steps;
}

Pixel color(int steps) {
  if (steps == kLimit) return {0, 0, 0};
  const auto shade = [&](int factor) { return static_cast<std::uint8_t>(steps * factor % 256); };
  return {shade(3), shade(5), shade(9)};
}

// One task: a few rows of the image.
std::vector<Pixel> draw(const Band& band) {
  std::vector<Pixel> pixels;
  const int last_row = std::min(band.first_row + kBandRows, band.height);
  for (int y = band.first_row; y < last_row; ++y) {
    for (int x = 0; x < band.width; ++x) {
      pixels.push_back(
          color(escape_time({-2.2 + 3.2 * x / band.width, -1.2 + 2.4 * y / band.height})));
    }
  }
  return pixels;
}

// One task: the primes within a slice.
long count_primes(const Slice& slice) {
  std::vector<bool> is_composite(static_cast<std::size_t>(slice.last - slice.first));
  for (long p = 2; p * p < slice.last; ++p) {
    const long begin = std::max(p * p, (slice.first + p - 1) / p * p);
    for (long n = begin; n < slice.last; n += p) {
      is_composite[static_cast<std::size_t>(n - slice.first)] = true;
    }
  }
  return std::count(is_composite.begin() + std::max(0L, 2 - slice.first), is_composite.end(),
                    false);
}

// The process that a task runs in, for the kill.
int worker_pid() { return getpid(); }

struct Work {
  std::vector<Band> bands;
  std::vector<Slice> slices;
};

struct Answer {
  std::vector<std::vector<Pixel>> image;
  long primes = 0;
  int runs_again = 0;

  bool operator==(const Answer& other) const {
    return image == other.image && primes == other.primes;
  }
};

class Progress {
 public:
  Progress(const char* label, std::size_t total) : label_(label), total_(total) { show(); }
  ~Progress() {
    if (is_terminal_) std::printf("\r\033[K");
  }
  void step() {
    ++done_;
    show();
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool is_half_way() const { return 2 * done_ >= total_; }

 private:
  // A line that redraws itself on a terminal; elsewhere one line at each quarter.
  void show() {
    constexpr std::size_t kWidth = 40;
    if (is_terminal_) {
      const std::size_t filled = kWidth * done_ / total_;
      std::printf("\r%-9s [%s%s] %3zu/%zu  %.1f s", label_, std::string(filled, '#').c_str(),
                  std::string(kWidth - filled, '.').c_str(), done_, total_, seconds());
    } else if (done_ > 0 && 4 * done_ / total_ != 4 * (done_ - 1) / total_) {
      std::printf("%-9s %3zu/%zu tasks  %.1f s\n", label_, done_, total_, seconds());
    }
    std::fflush(stdout);
  }

  const char* label_;
  std::size_t total_;
  std::size_t done_ = 0;
  Clock::time_point start_ = Clock::now();
  bool is_terminal_ = isatty(STDOUT_FILENO) != 0;
};

Work prepare(int width) {
  Work work;
  const int height = width * 3 / 4;
  for (int row = 0; row < height; row += kBandRows) work.bands.push_back({width, height, row});
  for (long first = 0; first < kPrimesBelow; first += kPrimesStep) {
    work.slices.push_back({first, std::min(first + kPrimesStep, kPrimesBelow)});
  }
  return work;
}

Answer run_serial(const Work& work, double& seconds) {
  Answer answer;
  Progress progress("serial", work.bands.size() + work.slices.size());
  for (const Band& band : work.bands) {
    answer.image.push_back(draw(band));
    progress.step();
  }
  for (const Slice& slice : work.slices) {
    answer.primes += count_primes(slice);
    progress.step();
  }
  seconds = progress.seconds();
  return answer;
}

// Gets a result; a task that was lost with its worker is run again: both of ours may run twice.
template <class T, class Input>
T get_or_run_again(shoal::ProcessPoolExecutor& pool, T (*fn)(const Input&), const Input& input,
                   shoal::Future<T> future, Answer& answer) {
  for (;;) {
    try {
      return future.get();
    } catch (const shoal::WorkerLostError& lost) {
      std::printf("\n%s\nrunning that one task again\n", lost.what());
      ++answer.runs_again;
      future = pool.submit(fn, input);
    }
  }
}

Answer run_on_pool(const Work& work, shoal::ProcessPoolExecutor& pool, double& seconds) {
  Answer answer;
  std::vector<shoal::Future<std::vector<Pixel>>> bands;
  std::vector<shoal::Future<long>> slices;
  const int victim = pool.submit(worker_pid).get();
  bool is_killed = false;
  Progress progress("pool", work.bands.size() + work.slices.size());
  const auto step = [&] {
    progress.step();
    if (is_killed || !progress.is_half_way()) return;
    is_killed = true;
    std::printf("\nkill -9 %d, one of the workers\n", victim);
    kill(victim, SIGKILL);
  };
  for (const Band& band : work.bands) bands.push_back(pool.submit(draw, band));
  for (const Slice& slice : work.slices) slices.push_back(pool.submit(count_primes, slice));
  for (std::size_t i = 0; i < bands.size(); ++i) {
    answer.image.push_back(get_or_run_again(pool, draw, work.bands[i], bands[i], answer));
    step();
  }
  for (std::size_t i = 0; i < slices.size(); ++i) {
    answer.primes += get_or_run_again(pool, count_primes, work.slices[i], slices[i], answer);
    step();
  }
  seconds = progress.seconds();
  return answer;
}

void write_image(const Answer& answer, int width, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << width << ' ' << width * 3 / 4 << "\n255\n";
  for (const std::vector<Pixel>& band : answer.image) {
    file.write(reinterpret_cast<const char*>(band.data()),
               static_cast<std::streamsize>(band.size() * sizeof(Pixel)));
  }
  file.flush();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int run(int width, const std::string& path) {
  const Work work = prepare(width);
  double serial_seconds = 0;
  double pool_seconds = 0;
  const Answer serial = run_serial(work, serial_seconds);
  shoal::ProcessPoolExecutor pool;
  const unsigned workers = pool.stats().workers;
  const Answer pooled = run_on_pool(work, pool, pool_seconds);
  write_image(pooled, width, path);
  std::printf("\nMandelbrot set     %d x %d pixels, written to %s\n", width, width * 3 / 4,
              path.c_str());
  std::printf("primes             %ld below %ld\n", pooled.primes, kPrimesBelow);
  std::printf("serial             %.2f s\n", serial_seconds);
  std::printf("pool of %-2u         %.2f s, %.2f times as fast\n", workers, pool_seconds,
              serial_seconds / pool_seconds);
  std::printf("workers killed     1; tasks run again %d; results %s\n", pooled.runs_again,
              pooled == serial ? "the same" : "DIFFERENT");
  return pooled == serial ? 0 : 1;
}

std::optional<int> parse_width(const char* text) {
  int width = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, width);
  if (error != std::errc() || rest != end || width < 16 || width > 16384) return std::nullopt;
  return width;
}

}  // namespace

int main(int argc, char** argv) try {
  shoal::bootstrap(argc, argv);
  const std::optional<int> width = argc > 1 ? parse_width(argv[1]) : 1200;
  if (argc > 3 || !width) {
    std::fprintf(stderr, "usage: %s [width 16..16384 [image.ppm]]\n", argv[0]);
    return 64;
  }
  return run(*width, argc > 2 ? argv[2] : "mandelbrot.ppm");
} catch (const std::exception& error) {
  std::fprintf(stderr, "shoal-quickstart: %s\n", error.what());
  return 1;
}

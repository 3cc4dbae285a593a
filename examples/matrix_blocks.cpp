// SPDX-License-Identifier: Apache-2.0
// Multiplies matrices by blocks of rows: large arguments and results travel like small ones.
//
//   500 x 500 in 5 blocks: the trace is -62500
//   as computed here: yes

#include <cstddef>
#include <cstdio>
#include <shoal/shoal.hpp>
#include <vector>

struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> cells;  // row by row
};

Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix product{a.rows, b.columns, std::vector<double>(a.rows * b.columns)};
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = 0; k < a.columns; ++k) {
      const double factor = a.cells[i * a.columns + k];
      const double* const row = &b.cells[k * b.columns];
      double* const sums = &product.cells[i * b.columns];
      for (std::size_t j = 0; j < b.columns; ++j) sums[j] += factor * row[j];
    }
  }
  return product;
}

Matrix make(std::size_t size, int seed) {
  Matrix matrix{size, size, {}};
  for (std::size_t i = 0; i < size * size; ++i) {
    matrix.cells.push_back(static_cast<double>(i * i % 10) - seed);
  }
  return matrix;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;
  constexpr std::size_t kSize = 500, kRows = 100;
  const Matrix a = make(kSize, 4), b = make(kSize, 5);

  std::vector<shoal::Future<Matrix>> blocks;
  for (auto row = a.cells.begin(); row != a.cells.end(); row += kRows * kSize) {
    const Matrix block{kRows, kSize, {row, row + kRows * kSize}};
    blocks.push_back(pool.submit(multiply, block, b));  // 400 KB and 2 MB
  }

  std::vector<double> cells;
  for (shoal::Future<Matrix>& block : blocks) {
    const Matrix rows = block.get();
    cells.insert(cells.end(), rows.cells.begin(), rows.cells.end());
  }
  double trace = 0;
  for (std::size_t i = 0; i < kSize; ++i) trace += cells[i * kSize + i];
  std::printf("%zu x %zu in %zu blocks: the trace is %.0f\n", kSize, kSize, blocks.size(), trace);
  std::printf("as computed here: %s\n", cells == multiply(a, b).cells ? "yes" : "no");
}

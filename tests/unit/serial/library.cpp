// SPDX-License-Identifier: Apache-2.0
// Built into several libraries, which differ in what this returns.
extern "C" int library_answer() { return SHOAL_TEST_ANSWER; }

// SPDX-License-Identifier: Apache-2.0
#include "shoal/auth_key.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>
#include <string>

#include "shoal/error.hpp"
#include "shoal/transferable.hpp"

namespace shoal {
namespace {

static_assert(is_transferable_v<AuthKey>);

std::string text_of(const AuthKey& key) {
  return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
}

// A file of the test's own, gone with it.
class KeyFile {
 public:
  explicit KeyFile(const std::string& text, mode_t mode = 0600) {
    std::string name = "/tmp/shoal-key-XXXXXX";
    const int fd = ::mkstemp(name.data());
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), mode);
  }
  ~KeyFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(AuthKeyTest, TextsAndBytesConvert) {
  const std::array<std::byte, 2> bytes{std::byte{'h'}, std::byte{'i'}};
  const AuthKey keys[] = {"hi", std::string("hi"), std::string_view("hi"), AuthKey(bytes)};
  for (const AuthKey& key : keys) {
    EXPECT_EQ(text_of(key), "hi");
    EXPECT_EQ(key, keys[0]);
  }
  EXPECT_NE(AuthKey("hi"), AuthKey("ho"));
  EXPECT_NE(AuthKey("hi"), AuthKey("hi!"));
  EXPECT_NE(AuthKey("hi"), AuthKey());
}

TEST(AuthKeyTest, AnEmptyOneIsAMistakeAndNoneIsNot) {
  EXPECT_THROW(AuthKey(""), std::invalid_argument);
  EXPECT_THROW(AuthKey(std::string()), std::invalid_argument);
  EXPECT_THROW(AuthKey(static_cast<const char*>(nullptr)), std::invalid_argument);
  EXPECT_THROW(AuthKey(std::span<const std::byte>()), std::invalid_argument);
  EXPECT_TRUE(AuthKey().empty());
  EXPECT_EQ(AuthKey(), AuthKey());
}

TEST(AuthKeyTest, RandomOnesDiffer) {
  EXPECT_EQ(AuthKey::random().bytes().size(), 32U);
  EXPECT_NE(AuthKey::random(), AuthKey::random());
}

TEST(AuthKeyTest, IsReadFromAFileThatNobodyElseMayRead) {
  EXPECT_EQ(AuthKey::from_file(KeyFile("secret\n").path()), AuthKey("secret"));
  EXPECT_EQ(AuthKey::from_file(KeyFile("two\n\n", 0400).path()), AuthKey("two\n"));
}

TEST(AuthKeyTest, FilesThatOthersMayReadAreRefused) {
  for (const mode_t mode : {0640U, 0604U, 0660U, 0610U, 0601U}) {
    const KeyFile file("secret", mode);
    try {
      AuthKey::from_file(file.path());
      FAIL() << std::oct << mode;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), std::errc::permission_denied);
      EXPECT_NE(std::string(error.what()).find(file.path()), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

TEST(AuthKeyTest, FilesWithoutAKeyAreRefused) {
  EXPECT_THROW(AuthKey::from_file("/nowhere/key"), Error);
  EXPECT_THROW(AuthKey::from_file("/tmp"), Error);
  EXPECT_THROW(AuthKey::from_file(KeyFile("").path()), Error);
  EXPECT_THROW(AuthKey::from_file(KeyFile("\n").path()), Error);
  EXPECT_THROW(AuthKey::from_file(KeyFile(std::string(4097, 'x')).path()), Error);
}

TEST(AuthKeyTest, TravelsAsAnArgument) {
  for (const AuthKey& key : {AuthKey("secret"), AuthKey()}) {
    Writer writer;
    writer.put(key);
    Reader reader(writer.bytes());
    EXPECT_EQ(reader.get<AuthKey>(), key);
    reader.finish();
  }
}

}  // namespace
}  // namespace shoal

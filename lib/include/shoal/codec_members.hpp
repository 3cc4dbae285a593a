// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/describe/bases.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/pfr/core.hpp>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "shoal/member_count.hpp"
#include "shoal/type_name.hpp"

// The three ways in which a class shows its members: a friend `shoal_fields`, BOOST_DESCRIBE_CLASS,
// or being an aggregate. Each ends in tie_members(), a std::tuple of references.
namespace shoal::internal {

// --- a friend shoal_fields(T&) -----------------------------------------------------------------

/// Turns into a T& but into no reference to a base of T, whose fields are not the whole of T.
template <class T>
struct ExactlyA {
  template <class U>
  requires std::same_as<U, T>
  operator U&() const;
};

template <class T>
concept HasFields = std::is_class_v<T> && requires(ExactlyA<T> self) {
  shoal_fields(self);
};

// --- BOOST_DESCRIBE_CLASS ----------------------------------------------------------------------

template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <class T>
constexpr bool is_described() noexcept;

template <template <class...> class List, class... Base>
constexpr bool are_all_described(List<Base...>) noexcept {
  return (is_described<typename Base::type>() && ...);
}

/// True if T and all its bases are described: an undescribed base would be left out silently.
template <class T>
constexpr bool is_described() noexcept {
  if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (boost::describe::has_describe_members<T>::value &&
                       boost::describe::has_describe_bases<T>::value) {
    return are_all_described(boost::describe::describe_bases<T, boost::describe::mod_any_access>{});
  } else {
    return false;
  }
}

template <class T, template <class...> class List, class... Member>
auto tie_described(T& value, List<Member...>) noexcept {
  return std::tie(value.*Member::pointer...);
}

// --- aggregates --------------------------------------------------------------------------------

template <class T, std::size_t... I>
auto tie_aggregate(T& value, std::index_sequence<I...>) noexcept {
  namespace pfr = boost::pfr::detail;  // its public names insist on its own count
  [[maybe_unused]] auto members = pfr::tie_as_tuple(value, pfr::size_t_<sizeof...(I)>{});
  return std::tie(pfr::sequence_tuple::get<I>(members)...);
}

// --- all of them -------------------------------------------------------------------------------

/// References to the members of `value`, const where it is.
template <class T>
auto tie_members(T& value) {
  using Class = std::remove_const_t<T>;
  if constexpr (HasFields<Class>) {
    return shoal_fields(const_cast<Class&>(value));
  } else if constexpr (is_described<Class>()) {
    using namespace boost::describe;
    return tie_described(value,
                         describe_members<Class, mod_any_access | mod_inherited | mod_hidden>{});
  } else {
    return tie_aggregate(value, std::make_index_sequence<count_members<Class>()>{});
  }
}

template <class... Member>
constexpr Types<std::remove_reference_t<Member>...> types_of(
    const std::tuple<Member...>*) noexcept {
  return {};
}

/// The types of the members of T, `const` kept, as Types<…>.
template <class T>
using MemberTypes =
    decltype(types_of(static_cast<const decltype(tie_members(std::declval<T&>()))*>(nullptr)));

}  // namespace shoal::internal

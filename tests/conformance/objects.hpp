// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <shoal/array.hpp>
#include <shoal/barrier.hpp>
#include <shoal/condition.hpp>
#include <shoal/event.hpp>
#include <shoal/lock.hpp>
#include <shoal/queue.hpp>
#include <shoal/semaphore.hpp>
#include <shoal/value.hpp>

// What the suites of queues and locks are about, by the names that they use. Another kind of them
// with the same members, one that lives in a server and is reached by proxies, is held to the same
// by a program of the same sources, with SHOAL_TEST_OBJECTS naming a header in the place of this.

#ifdef SHOAL_TEST_OBJECTS
#include SHOAL_TEST_OBJECTS
#else
namespace shoal::test {

template <class T>
using Queue = shoal::Queue<T>;
template <class T>
using JoinableQueue = shoal::JoinableQueue<T>;
template <class T>
using SimpleQueue = shoal::SimpleQueue<T>;
using Lock = shoal::Lock;
using RLock = shoal::RLock;
using Semaphore = shoal::Semaphore;
using BoundedSemaphore = shoal::BoundedSemaphore;
using Condition = shoal::Condition;
using Event = shoal::Event;
using Barrier = shoal::Barrier;
template <class T>
using Value = shoal::Value<T>;
template <class T>
using Array = shoal::Array<T>;

}  // namespace shoal::test
#endif

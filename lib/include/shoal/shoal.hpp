// SPDX-License-Identifier: Apache-2.0
#pragma once

// All of shoal's core. Each header also stands alone.

#include "shoal/bootstrap.hpp"
#include "shoal/codec.hpp"
#include "shoal/connection.hpp"
#include "shoal/context.hpp"
#include "shoal/duration.hpp"
#include "shoal/error.hpp"
#include "shoal/function.hpp"
#include "shoal/future.hpp"
#include "shoal/logging.hpp"
#include "shoal/map_result.hpp"
#include "shoal/process.hpp"
#include "shoal/process_pool_executor.hpp"
#include "shoal/process_ref.hpp"
#include "shoal/remote_trace.hpp"
#include "shoal/start_method.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/version.hpp"

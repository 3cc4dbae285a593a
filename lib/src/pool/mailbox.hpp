// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two halves of a mailbox; its layout and invariants: mailbox_layout.hpp.

#include "pool/parent_mailbox.hpp"
#include "pool/worker_mailbox.hpp"

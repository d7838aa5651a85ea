// SPDX-License-Identifier: Apache-2.0
//! Signatures over models.

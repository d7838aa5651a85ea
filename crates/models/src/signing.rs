// SPDX-License-Identifier: Apache-2.0
//! Signatures over models by the OpenSSF Model Signing specification, v1.0.

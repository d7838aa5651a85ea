// SPDX-License-Identifier: Apache-2.0
//! Tests that try to break what `casemate-quota` claims.

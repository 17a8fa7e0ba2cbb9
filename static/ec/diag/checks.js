// Every check, in the order in which a person mends faults best: what is above breaks what is below.

import { CONNECTION } from '../checks/connection.js';
import { DEVICES } from '../checks/devices.js';
import { NOTIFICATIONS } from '../checks/notifications.js';
import { LOOPBACK } from '../checks/loopback.js';
import { SYSTEM } from '../checks/system.js';

/** @type {import('./diagnostics.js').Check[]} */
export const CHECKS = [...CONNECTION, ...NOTIFICATIONS, ...LOOPBACK, ...DEVICES, ...SYSTEM];

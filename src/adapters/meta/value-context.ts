import type { ReportedError } from '../../core/model.ts';
import type { Contacts } from './people.ts';

/** What the messages and statuses of one value share. */
export interface ValueContext {
  readonly businessAccountId: string;
  readonly phoneNumberId: string;
  readonly displayPhoneNumber?: string;
  readonly contacts: Contacts;
  /** Errors that stand in the value, beside its messages. */
  readonly errors: readonly ReportedError[];
  /** The value has one message and no more. */
  readonly single: boolean;
}

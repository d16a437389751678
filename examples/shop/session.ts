/** What the bot keeps about each conversation. All of it may be missing: what an older version has kept is still there. */
export interface Session {
  /** Who answers in place of the bot: a person, or nobody, because the customer wants to be left alone. */
  answering?: 'person' | 'nobody';
  /** Ids of dishes. */
  basket?: string[];
}

export function newSession(): Session {
  return {};
}

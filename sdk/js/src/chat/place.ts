/** Where a room's things are: one stream, and the paths of the API that belong to it. */
export interface Place {
  stream: string;
  messages: string;
  read: string;
  /** One event of the stream whole, by its `seq`. */
  event?: (seq: number) => string;
}

export function roomPlace(org: string, slug: string): Place {
  const path = `orgs/${encodeURIComponent(org)}/rooms/${encodeURIComponent(slug)}`;
  return {
    stream: `orgs/${org}/rooms/${slug}`,
    messages: `${path}/messages`,
    read: `${path}/read`,
    event: (seq) => `${path}/events/${seq}`,
  };
}

/** The two who talk need no organisation's name for it. */
export function conversationPlace(userId: number): Place {
  return {
    stream: `conversations/${userId}`,
    messages: `communication/chats/conversation/${userId}/`,
    read: `conversations/${userId}/read`,
  };
}

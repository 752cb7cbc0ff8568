/** Where a room's things are: its stream, and the path of the API below which all that belongs to it is. */
export interface Place {
  stream: string;
  path: string;
}

export function roomPlace(org: string, slug: string): Place {
  return {
    stream: `orgs/${org}/rooms/${slug}`,
    path: `orgs/${encodeURIComponent(org)}/rooms/${encodeURIComponent(slug)}`,
  };
}

/** The two who talk need no organisation's name for it. */
export function conversationPlace(userId: number): Place {
  const name = `conversations/${userId}`;
  return { stream: name, path: name };
}

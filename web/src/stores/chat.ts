/**
 * The organisation's chat, on the page's one client. The library keeps the state; here is what of it is shown, renewed at
 * most once a frame of the screen.
 */
import { Chat, type Client, type Person, type Room } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, markRaw, ref, shallowRef } from 'vue';
import { reasonOf } from '../api/http';

export interface ShownRoom {
  key: string;
  name: string;
  private: boolean;
  unread: number;
  /** In a conversation: the other one. */
  user?: Person;
  room: Room;
}

export const useChat = defineStore('chat', () => {
  const chat = shallowRef<Chat>();
  const rooms = shallowRef<ShownRoom[]>([]);
  const conversations = shallowRef<ShownRoom[]>();
  const online = shallowRef<Person[]>([]);
  const onlineIds = shallowRef<ReadonlySet<number>>(new Set());
  const countOnline = ref(0);
  const loaded = ref(false);
  const problem = ref('');
  const currentKey = ref<string>();

  const shown = computed(() => [...rooms.value, ...(conversations.value ?? [])]);
  const current = computed(() => shown.value.find(({ key }) => key === currentKey.value));
  const unread = computed(() => shown.value.reduce((sum, { unread }) => sum + unread, 0));

  function open(client: Client, org: string, me: Person): void {
    const opened = markRaw(new Chat(client, { org, me: { id: me.id, username: me.username } }));
    opened.on('change', () => update(opened));
    chat.value = opened;
    opened.start();
  }

  function close(): void {
    chat.value?.stop();
    chat.value = undefined;
    rooms.value = [];
    conversations.value = undefined;
    online.value = [];
    onlineIds.value = new Set();
    loaded.value = false;
    problem.value = '';
  }

  function select(key: string | undefined): void {
    currentKey.value = key;
  }

  /** Opens the conversation with somebody, whether or not a word was said in it. */
  function converse(user: Person): void {
    const key = `@${user.id}`;
    const opened = chat.value;
    if (!opened) return;
    if (!conversations.value?.some((each) => each.key === key)) {
      const room = markRaw(opened.conversation(user.id));
      conversations.value = [...(conversations.value ?? []), conversation(user, room)];
    }
    select(key);
  }

  function update(from: Chat): void {
    if (chat.value !== from) return;
    rooms.value = from.rooms.map((room) => ({
      key: room.info?.slug ?? room.stream,
      name: room.info?.name ?? room.stream,
      private: room.info?.private === true,
      unread: room.unread.unread,
      room: markRaw(room),
    }));
    updateConversations(from);
    online.value = from.presence.online.map(({ user }) => user);
    onlineIds.value = new Set(online.value.map(({ id }) => id));
    countOnline.value = from.presence.count;
    loaded.value = from.loaded;
    problem.value = from.problem === undefined ? '' : reasonOf(from.problem);
  }

  function updateConversations(from: Chat): void {
    if (!from.conversations) return;
    const listed = from.conversations.map(({ user, room }) => conversation(user, markRaw(room)));
    const keys = new Set(listed.map(({ key }) => key));
    // Those that were begun here, and have no message yet.
    const begun = (conversations.value ?? []).filter(
      ({ key, room }) => !keys.has(key) && !room.ended,
    );
    conversations.value = [
      ...listed,
      ...begun.map((each) => ({ ...each, unread: each.room.unread.unread })),
    ];
  }

  return {
    ...{ chat, rooms, conversations, online, onlineIds, countOnline, loaded, problem },
    ...{ current, currentKey, unread, open, close, select, converse },
  };
});

function conversation(user: Person, room: Room): ShownRoom {
  const { unread } = room.unread;
  return { key: `@${user.id}`, name: user.username, private: true, unread, user, room };
}

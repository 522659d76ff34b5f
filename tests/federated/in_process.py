"""Flower's grid without Ray: each message is answered at once, in this process, by the client app itself."""

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity


class InProcessGrid(Grid):
    """Nodes ``first_node, first_node + 1, ...``, each with a partition and a context of its own."""

    def __init__(self, client, num_nodes, first_node=100):
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.client = client
        self.replies = []
        self.contexts = {
            first_node + partition: Context(
                run_id=1,
                node_id=first_node + partition,
                node_config={"partition-id": partition, "num-partitions": num_nodes},
                state=RecordDict(),
                run_config={},
            )
            for partition in range(num_nodes)
        }

    def set_run(self, run):
        self._run = run

    @property
    def run(self):
        return self._run

    def create_message(self, content, message_type, dst_node_id, group_id, ttl=None):
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self):
        return list(self.contexts)

    def push_messages(self, messages):
        # Strategies ask nodes in random order; sums of replies depend on it.
        ordered = sorted(messages, key=lambda message: message.metadata.dst_node_id)
        first = len(self.replies)
        self.replies += [self.client(each, self.contexts[each.metadata.dst_node_id]) for each in ordered]
        return range(first, len(self.replies))

    def pull_messages(self, message_ids):
        return [self.replies[place] for place in message_ids]

    def send_and_receive(self, messages, *, timeout=None):
        return self.pull_messages(self.push_messages(messages))

"""The configuration class of nemotron-nas, for engines that read config.json through transformers.

It computes nothing. vLLM, SGLang and TensorRT-LLM have the model DeciLMForCausalLM, and need `block_configs` as objects.
"""
from transformers import LlamaConfig


class Fields(dict):
    """A JSON object whose keys are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def fields(value):
    return Fields({key: fields(item) for key, item in value.items()}) if isinstance(value, dict) else value


class DeciLMConfig(LlamaConfig):
    model_type = "nemotron-nas"

    def __init__(self, block_configs=None, **keys):
        super().__init__(**keys)
        self.block_configs = [fields(block) for block in block_configs or []]

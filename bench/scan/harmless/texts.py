# SPDX-License-Identifier: Apache-2.0
"""What comes with a model as text: configurations, tokenizers, chat templates, cards, requirements.

Templates are written for this corpus in the manner of common models.
"""

import io
import json
import tarfile
import zipfile

import sentencepiece
import tokenizers
import yaml
from tokenizers import models, pre_tokenizers, trainers

TEMPLATES = {
    "chatml": "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
              "{{ message['content'] }}<|im_end|>\n{% endfor %}"
              "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "instruct": "{{ bos_token }}{% for message in messages %}"
                "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
                "{{ raise_exception('Roles must alternate') }}{% endif %}"
                "{% if message['role'] == 'user' %}[INST] {{ message['content'] | trim }} [/INST]"
                "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}",
    "system": "{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}"
              "{%- set rest = messages[1:] %}{%- else %}{%- set system = '' %}"
              "{%- set rest = messages %}{%- endif %}{{- system }}"
              "{%- for m in rest %}{{- m.role + ': ' + m.content | trim }}{%- endfor %}",
    "tools": "{%- if tools is defined and tools %}# Tools\n{% for tool in tools %}"
             "{{ tool | tojson(indent=2) }}\n{% endfor %}{% endif %}"
             "{%- for m in messages %}{%- if m.tool_calls is defined %}"
             "{%- for call in m.tool_calls %}<tool_call>{{ call.function.name }}"
             "({{ call.function.arguments | tojson }})</tool_call>{%- endfor %}"
             "{%- elif m['role'] == 'tool' %}<tool_response>{{ m['content'] }}</tool_response>"
             "{%- else %}{{ m['content'] }}{%- endif %}{%- endfor %}",
    "macro": "{%- macro part(kind, text) -%}<{{ kind }}>{{ text }}</{{ kind }}>{%- endmacro -%}"
             "{% for m in messages %}{{ part(m['role'], m['content']) }}{% endfor %}",
    "namespace": "{% set ns = namespace(found=false, count=0) %}{% for m in messages %}"
                 "{% if m['role'] == 'system' %}{% set ns.found = true %}{% endif %}"
                 "{% set ns.count = ns.count + 1 %}{{ m['content'] }}{% endfor %}"
                 "{% if not ns.found %}You are a helpful assistant.{% endif %}",
    "dates": "{% set today = strftime_now('%d %B %Y') if strftime_now is defined else '26 Jul 2026' %}"
             "Today is {{ today }}.{% for m in messages %}{{ m['content'].strip() }}{% endfor %}",
    "parts": "{% for m in messages %}{% if m['content'] is string %}{{ m['content'] }}{% else %}"
             "{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>"
             "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
             "{% endfor %}",
    "thinking": "{% for m in messages %}{% set content = m.content %}{% if '</think>' in content %}"
                "{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
                "{{ '<|' ~ m.role ~ '|>' ~ content }}{% endfor %}{% if enable_thinking is defined and "
                "enable_thinking is false %}<think>\n\n</think>{% endif %}",
    "filters": "{% for m in messages | rejectattr('role', 'equalto', 'system') %}"
               "{{ m['content'] | replace('\\n', ' ') | upper }}{{ ', ' if not loop.last else '' }}"
               "{% endfor %}{{ messages | length }}",
}
WORDS = ["a model reads words and writes words", "weights are numbers", "evaluate the system",
         "tokens and more tokens"] * 20


def make(shelf):
    configurations(shelf)
    tokenizer_files(shelf)
    template_files(shelf)
    cards(shelf)
    archives(shelf)


def configurations(shelf):
    table = {
        "llama": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
                  "torch_dtype": "float16", "rope_scaling": None, "vocab_size": 32000},
        "bert": {"architectures": ["BertModel"], "model_type": "bert",
                 "id2label": {"0": "no", "1": "yes"}, "label2id": {"no": 0, "yes": 1},
                 "_name_or_path": "org/bert-base"},
        "vision": {"model_type": "clip", "vision_config": {"image_size": 224},
                   "text_config": {"layers": 2}},
        "quantised": {"model_type": "qwen2",
                      "quantization_config": {"quant_method": "gptq", "bits": 4}},
        "generation": {"do_sample": True, "temperature": 0.7, "eos_token_id": [1, 2], "top_p": 0.9},
        "adapter": {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 8,
                    "target_modules": ["q_proj", "v_proj"], "auto_mapping": None,
                    "task_type": "CAUSAL_LM"},
        "preprocessor": {"image_processor_type": "CLIPImageProcessor", "size": {"height": 224}},
        "diffusers": {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0",
                      "unet": ["diffusers", "UNet2DConditionModel"],
                      "vae": ["diffusers", "AutoencoderKL"],
                      "tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [None, None]},
        "scheduler": {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"},
        "sentence": [{"idx": 0, "name": "0", "path": "",
                      "type": "sentence_transformers.models.Transformer"},
                     {"idx": 1, "name": "1", "path": "1_Pooling",
                      "type": "sentence_transformers.models.Pooling"}],
        "pooling": {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True},
        "index": {"metadata": {"total_size": 100},
                  "weight_map": {"w": "model-00001-of-00002.safetensors"}},
        "trainer": {"best_metric": 0.9, "log_history": [{"loss": 1.0, "step": n} for n in range(99)]},
        "results": {"results": {"arc": {"acc": 0.5, "alias": "os.system call"}},
                    "versions": {"arc": 1}},
        "special-tokens": {"bos_token": {"content": "<s>", "lstrip": False}, "eos_token": "</s>"},
        "words": {"module": "a word", "class": "another", "function": "eval", "import": "os",
                  "exec": 7},
    }
    for name, document in table.items():
        shelf.put(f"config-{name}.json", json.dumps(document, indent=2))
    shelf.put("config-lines.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in WORDS))
    written = {
        "training": "model:\n  name: resnet50\n  layers: [3, 4, 6, 3]\noptimizer:\n  lr: 1.0e-3\n",
        "hydra": "model:\n  _target_: torch.nn.Linear\n  in_features: 3\n  out_features: 2\n",
        "detector": "nc: 80\nnames: [person, bicycle]\nbackbone:\n- [-1, 1, Conv, [64, 3, 2]]\n",
        "anchors": "base: &base {lr: 0.1}\nfine:\n  <<: *base\n  lr: 0.01\ntimes: !!float 3\n",
        "documents": "---\na: 1\n---\nb: [1, 2]\n...\n",
        "conda": "name: env\ndependencies:\n- python=3.11\n- pip:\n  - scikit-learn==1.9.1\n",
    }
    for name, text in written.items():
        shelf.put(f"config-{name}.yaml", text)
    # PyYAML writes a tuple with a tag that makes a tuple.
    shelf.put("config-tuple.yaml", yaml.dump({"betas": (0.9, 0.999), "name": "run"}))
    shelf.put("notebook.ipynb", json.dumps({
        "nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Use\n"]},
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
             "source": ["import torch\n", "torch.load('weights.pt', weights_only=True)\n"]}]}))
    for flavour in ("sklearn", "xgboost", "pytorch", "lightgbm"):
        shelf.put(f"MLmodel-{flavour}.yaml",
                  "artifact_path: model\nflavors:\n  python_function:\n    env:\n"
                  f"      conda: conda.yaml\n    loader_module: mlflow.{flavour}\n"
                  "    model_path: model.pkl\n    python_version: 3.11.7\n"
                  f"  {flavour}:\n    pickled_model: model.pkl\nmlflow_version: 3.1.0\n"
                  "run_id: 0123456789abcdef\nmodel_size_bytes: 800\n")


def tokenizer_files(shelf):
    kinds = {
        "bpe": (models.BPE(unk_token="[UNK]"), trainers.BpeTrainer),
        "wordpiece": (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
        "wordlevel": (models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer),
        "unigram": (models.Unigram(), trainers.UnigramTrainer),
    }
    for name, (model, trainer) in kinds.items():
        tokenizer = tokenizers.Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.train_from_iterator(WORDS, trainer(vocab_size=60, special_tokens=["[UNK]", "[PAD]"],
                                                     show_progress=False))
        tokenizer.save(shelf.path(f"tokenizer-{name}.json"))
    for kind in ("unigram", "bpe", "char", "word"):
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(WORDS), model_writer=out, vocab_size=30, model_type=kind,
            hard_vocab_limit=False, minloglevel=2)
        shelf.put(f"sentencepiece-{kind}.model", out.getvalue())
    shelf.put("vocab.txt", "[PAD]\n[UNK]\nimport\n##os\n" + "\n".join(f"word{n}" for n in range(500)))
    shelf.put("merges.txt", "#version: 0.2\n" + "\n".join(f"a{n} b{n}" for n in range(500)))
    shelf.put("vocab.json", json.dumps({f"word{n}": n for n in range(5000)}))


def template_files(shelf):
    for name, template in TEMPLATES.items():
        shelf.put(f"template-{name}.jinja", template)
        shelf.put(f"tokenizer-config-{name}.json", json.dumps({
            "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "model_max_length": 4096,
            "added_tokens_decoder": {"0": {"content": "<unk>", "special": True}},
            "chat_template": template}, indent=2))
    both = [{"name": name, "template": TEMPLATES[name]} for name in ("chatml", "tools")]
    shelf.put("tokenizer-config-list.json", json.dumps({"chat_template": both}))


def cards(shelf):
    fence = "```"
    texts = {
        "README.md": "---\nlicense: mit\nbase_model: org/base\ntags:\n- text\n---\n# Model\n\n"
                     f"{fence}python\n"
                     "import torch\nfrom transformers import pipeline\nprint(pipeline('x')('y'))\n"
                     f"{fence}\n\n{fence}sh\npip install transformers\n{fence}\n",
        "MODEL_CARD.md": "# Card\n\nIt was evaluated with `eval()` of the harness; see os.system in "
                         "the docs.\n",
        "LICENSE.txt": "Permission is hereby granted, free of charge, to any person.\n",
        "requirements.txt": "torch>=2.0\nnumpy==2.4.6\n# comment\nscikit-learn\n",
        "requirements-torch.txt": "--extra-index-url https://download.pytorch.org/whl/cpu\n"
                                  "torch==2.4.0\n",
        "labels.txt": "cat\ndog\nperson\n",
        "notes.txt": "The run used subprocess workers; import errors were fixed.\n",
        ".gitattributes": "*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        "pointer.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64
                       + "\nsize 1234\n",
        "graph.xml": '<?xml version="1.0"?>\n<net name="m" version="11"><layers><layer id="0" name="x" '
                     'type="Parameter" version="opset1"><data shape="1,3" element_type="f32"/>'
                     '</layer></layers><edges/></net>\n',
        "empty.txt": "",
    }
    for name, text in texts.items():
        shelf.put(name, text)


def archives(shelf):
    """Archives of texts and configurations."""
    with zipfile.ZipFile(shelf.path("archive-texts.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"model_type": "llama"}')
        archive.writestr("vocab.txt", "a\nb\n")
    for ending in ("", ".gz", ".bz2", ".xz"):
        mode = "w" + (":" + ending[1:] if ending else "")
        with tarfile.open(shelf.path(f"archive-texts.tar{ending}"), mode) as archive:
            info = tarfile.TarInfo("model/config.json")
            data = b'{"model_type": "bert"}'
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

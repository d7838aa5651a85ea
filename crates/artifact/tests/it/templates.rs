// SPDX-License-Identifier: Apache-2.0
//! Chat templates, alone and in the files they come in.

use crate::{check, clean, formats::gguf, refused, review};
use casemate_artifact::ScanOutcome;

const USUAL: &[&str] = &[
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] | trim }}{% endfor %}",
    "{%- if messages[0]['role'] == 'system' -%}{%- set system = messages[0].content.strip() -%}{%- else -%}{%- set system = '' -%}{%- endif -%}{{ bos_token }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% set ns.found = true %}{{ m.content }}{% endfor %}",
    "{% macro show(tool) %}{{ tool | tojson(indent=2) }}{% endmacro %}{% for tool in tools %}{{ show(tool) }}{% endfor %}",
    "{{ raise_exception('roles must alternate') }}{% if loop.first %}{{ strftime_now('%d %b %Y') }}{% endif %}",
    "{% for m in messages | selectattr('role', 'equalto', 'user') | list %}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{% endfor %}",
    "{% if tools is defined and tools is not none %}{{- \"<tools>\" }}{%- for t in tools.items() %}{{ t[1] }}{% endfor %}{% endif %}",
    "{{ '<|im_start|>' ~ role ~ '\\n' }}{% generation %}{{ content }}{% endgeneration %}",
];

const HOSTILE: &[&str] = &[
    "{{ ''.__class__.__mro__[1].__subclasses__() }}{% if 1 %}{% endif %}",
    "{% if 1 %}{{ cycler.__init__.__globals__.os.popen('true').read() }}{% endif %}",
    "{% if 1 %}{{ lipsum.__globals__['os'].system('true') }}{% endif %}",
    "{% if 1 %}{{ self._TemplateReference__context }}{% endif %}",
    "{% if 1 %}{{ messages | attr('__class__') }}{% endif %}",
    "{% if 1 %}{{ messages['__class__'] }}{% endif %}",
    "{% if 1 %}{{ messages['\\x5f\\x5fclass\\x5f\\x5f'] }}{% endif %}",
    "{% if 1 %}{{ messages['__cl' ~ 'ass__'] }}{% endif %}",
    "{% if 1 %}{{ messages | map(attribute='__class__') | list }}{% endif %}",
    "{% include 'other' %}{{ x }}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'x' import y %}{{ y() }}",
    "{% extends 'x' %}{{ y }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{% if 'warning' in x.__name__ %}{{ x()._module.__builtins__ }}{% endif %}{% endfor %}",
    "{% if 1 %}{{ request.application.__globals__ }}{% endif %}",
    "{% if 1 %}{{ config.items() }}{% endif %}",
    "{% if 1 %}{{ '{0.__class__}'.format(messages) }}{% endif %}",
    "{% set x = joiner.__init__ %}{{ x }}",
];

#[test]
fn usual_templates_are_clean() {
    for template in USUAL {
        clean(template, template.as_bytes());
        clean(template, config(template).as_bytes());
        clean(template, &gguf(template));
    }
}

#[test]
fn hostile_templates_are_refused_wherever_they_stand() {
    for template in HOSTILE {
        refused(template, template.as_bytes(), "template-dangerous");
        refused(template, config(template).as_bytes(), "template-dangerous");
        refused(template, &gguf(template), "template-dangerous");
    }
    refused("alone", b"{{ ''.__class__.__mro__ }}", "template-dangerous");
    clean(
        "an expression in a text",
        b"Write ${{ config.name }} and {{ self.x }}.",
    );
    let list = serde_json::json!({"chat_template": [{"name": "default", "template": HOSTILE[0]}]})
        .to_string();
    refused("in a list", list.as_bytes(), "template-dangerous");
}

#[test]
fn what_no_chat_needs_is_for_review() {
    for template in [
        "{% if 1 %}{{ messages | xmlattr }}{% endif %}",
        "{% if 1 %}{{ messages.unknown_method() }}{% endif %}",
        "{% if 1 %}{{ unknown_function() }}{% endif %}",
        "{% unknown_statement %}{{ x }}",
        "{% if 1 %}{{ 'a text without an end }}{% endif %}",
    ] {
        review(template, config(template).as_bytes(), "template-unknown");
    }
    check(
        "a text in braces",
        b"Use {name} and {{ }} in C++.",
        ScanOutcome::Clean,
        "",
    );
}

fn config(template: &str) -> String {
    serde_json::json!({"model_max_length": 4096, "chat_template": template}).to_string()
}
